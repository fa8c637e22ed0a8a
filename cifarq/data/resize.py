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

    Bilinear with antialiasing; pixel for pixel what torchvision's ``Resize`` and ``CenterCrop`` do
    with images, so that a model sees what it was trained on.

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

        short = min(image.size)
        wide, high = (int(self.shorter * side / short) for side in image.size)
        scaled = image.convert("RGB").resize((wide, high), Resampling.BILINEAR)
        left, top = round((wide - self.width) / 2), round((high - self.height) / 2)
        cropped = scaled.crop((left, top, left + self.width, top + self.height))
        return np.ascontiguousarray(np.asarray(cropped).transpose(2, 0, 1))
