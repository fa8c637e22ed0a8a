"""From an image of any size to the size that a model takes: scale, then crop the centre.

Training, exporting and the device do it with this code, so that a model is asked about the very
pixels that it was trained and checked on.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_runtime.bundle.resizing import Resizing
from edge_runtime.classify import pillow
from edge_runtime.errors import DataError

_MOST_PIXELS = 100_000_000
"""Of a scaled image: a strip of 1x100000 pixels would fill the memory."""


@dataclass(frozen=True)
class Resize:
    """Scale an image as ``how`` says, then crop the centre to (height, width).

    Pixel for pixel what torchvision's ``Resize`` and ``CenterCrop`` do with images.

    Raises:
        DataError: the crop would be larger than the scaled image.
    """

    how: Resizing
    height: int
    width: int

    def __post_init__(self) -> None:
        least = self.how.least(self.height, self.width)
        if self.how.shorter < least:
            raise DataError(
                f"--resize {self.how.shorter} is smaller than the input, "
                f"{self.height}x{self.width}.",
                f"Give {least} or more.",
            )

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return (C, height, width) of an image (C, H, W) uint8, C being 1 or 3.

        Raises:
            DataError: Pillow is needed and not installed, or the scaled image would be too large.
        """
        _, tall, broad = pixels.shape
        high, wide = self.how.scaled((tall, broad), (self.height, self.width))
        if (high, wide) != (tall, broad):
            if high * wide > _MOST_PIXELS:
                raise DataError(
                    f"an image of {broad}x{tall} pixels would be scaled to {wide}x{high}.",
                    "Crop it first.",
                )
            pixels = pillow.scale(pixels, high, wide, self.how.filter)
        top, left = round((high - self.height) / 2), round((wide - self.width) / 2)
        return np.ascontiguousarray(pixels[:, top : top + self.height, left : left + self.width])


def fit(
    pixels: NDArray[np.uint8], height: int, width: int, how: Resizing | None
) -> NDArray[np.uint8]:
    """Return an image (C, H, W) as the model takes it.

    Args:
        pixels: (C, H, W) uint8, C being 1 or 3.
        height: of the result.
        width: of the result.
        how: what the manifest's preprocessing says. None: an image of the right size is taken as it
            is, and the shorter side of another is scaled to the larger of height and width.
    """
    if how is None and pixels.shape[1:] == (height, width):
        return pixels
    return Resize(how or Resizing(max(height, width)), height, width)(pixels)
