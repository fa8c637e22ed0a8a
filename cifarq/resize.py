"""From an image of any size to the size that a model takes: scale, then crop the centre."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge_runtime.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class Resize:
    """Scale the shorter side to ``shorter`` pixels, then crop the centre to (height, width).

    Bilinear with antialiasing, as torchvision's ``Resize`` and ``CenterCrop`` do on images.

    Raises:
        DataError: the crop would be larger than the scaled image.
    """

    shorter: int
    height: int
    width: int

    def __post_init__(self) -> None:
        if self.shorter < max(self.height, self.width):
            raise DataError(
                f"--resize {self.shorter} is smaller than the input, {self.height}x{self.width}. "
                f"Give {max(self.height, self.width)} or more."
            )

    def __call__(self, image: "Image") -> NDArray[np.uint8]:
        """Return (3, height, width) uint8 RGB."""
        from PIL.Image import Resampling

        wide, high = image.size
        scale = self.shorter / min(wide, high)
        size = max(self.shorter, round(wide * scale)), max(self.shorter, round(high * scale))
        scaled = image.convert("RGB").resize(size, Resampling.BILINEAR)
        left, top = (size[0] - self.width) // 2, (size[1] - self.height) // 2
        cropped = scaled.crop((left, top, left + self.width, top + self.height))
        return np.ascontiguousarray(np.asarray(cropped).transpose(2, 0, 1))
