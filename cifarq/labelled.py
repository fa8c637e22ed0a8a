"""Images with their labels: the one shape in which data moves through the workshop."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_runtime.errors import DataError


@dataclass(frozen=True)
class LabelledImages:
    """Images and what they show.

    Attributes:
        images: (N, 3, H, W) uint8, NCHW, RGB, 0-255.
        labels: (N,) int64, indices into the data set's classes.

    Raises:
        DataError: shapes or types are not these.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.shape[1] != 3 or self.images.dtype != np.uint8:
            raise DataError(
                f"images are {self.images.shape} {self.images.dtype}; expected (N, 3, H, W) uint8"
            )
        if self.labels.shape != self.images.shape[:1]:
            raise DataError(
                f"{len(self.images)} images came with labels of shape {self.labels.shape}"
            )

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: NDArray[np.int64]) -> "LabelledImages":
        """Return the images and labels at ``indices``, in that order."""
        return LabelledImages(self.images[indices], self.labels[indices])
