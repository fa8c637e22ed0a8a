"""Images with their labels: the one shape in which data moves through the workshop.

``LabelledImages`` are pixels in memory; ``LabelledFiles`` are images that are still on disk, so
that a draw of a few reads only those few.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from cifarq.data.pixel_store import stack
from edge_runtime.classify import images, pixels
from edge_runtime.classify.resize import Resize
from edge_runtime.errors import DataError

Progress = Callable[[int], object]
"""Called with the number of images read since the last call."""


class Labelled(Protocol):
    """Images of which the labels are known, wherever the pixels are."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """(N,) int64, indices into the data set's classes."""

    def __len__(self) -> int: ...

    def shuffle(self, seed: int) -> NDArray[np.int64]:
        """Return all indices, (N,), in an order drawn with ``seed``."""

    def take(self, indices: NDArray[np.int64]) -> Self:
        """Return the images and labels at ``indices``, in that order."""

    def read(
        self, resize: Resize | None = None, progress: Progress = lambda count: None
    ) -> "LabelledImages":
        """Return the pixels, of one size."""


@dataclass(frozen=True)
class LabelledImages:
    """Images and what they show.

    Attributes:
        images: (N, 3, H, W) uint8, NCHW, RGB, 0-255; or (N, 1, H, W), grey.
        labels: (N,) int64, indices into the data set's classes.

    Raises:
        DataError: shapes or types are not these.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        known = self.images.ndim == 4 and self.images.shape[1] in (1, 3)
        if not known or self.images.dtype != np.uint8:
            raise DataError(
                f"images are {self.images.shape} {self.images.dtype}; expected (N, 3, H, W) or "
                "(N, 1, H, W) uint8"
            )
        if self.labels.shape != self.images.shape[:1]:
            raise DataError(
                f"{len(self.images)} images came with labels of shape {self.labels.shape}"
            )

    def __len__(self) -> int:
        return len(self.images)

    def shuffle(self, seed: int) -> NDArray[np.int64]:
        """Return all indices, (N,), in a random order: a permutation of their number."""
        # RandomState, not default_rng: numpy promises never to change its streams (NEP 19), and the
        # shipped packs are only reproducible, and disjoint, while this permutation stays the same.
        return np.random.RandomState(seed).permutation(len(self)).astype(np.int64)

    def take(self, indices: NDArray[np.int64]) -> "LabelledImages":
        """Return the images and labels at ``indices``, in that order."""
        return LabelledImages(self.images[indices], self.labels[indices])

    def read(
        self, resize: Resize | None = None, progress: Progress = lambda count: None
    ) -> "LabelledImages":
        """Return these images, resized if asked."""
        if resize is None or not len(self):
            return self
        return LabelledImages(stack(map(resize, self.images), len(self), progress), self.labels)

    def to_grey(self) -> "LabelledImages":
        """Return these images with one channel, their luma."""
        return LabelledImages(pixels.to_grey(self.images), self.labels)


@dataclass(frozen=True)
class LabelledFiles:
    """Image files and what they show; see ``LabelledImages``.

    Attributes:
        folder: that all of them lie below: what a file is called there decides how it is drawn.
        files: their paths.
        labels: (N,) int64, indices into the data set's classes.
    """

    folder: Path
    files: tuple[Path, ...]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.files)

    def shuffle(self, seed: int) -> NDArray[np.int64]:
        """Return all indices, (N,), in the order of their names' hashes.

        Whatever files come or go, the others keep their order among themselves.
        """

        def drawn(index: int) -> bytes:
            name = os.fsencode(self.files[index].relative_to(self.folder).as_posix())
            return hashlib.sha256(b"%d/%s" % (seed, name)).digest()

        return np.asarray(sorted(range(len(self)), key=drawn), dtype=np.int64)

    def take(self, indices: NDArray[np.int64]) -> "LabelledFiles":
        """Return the files and labels at ``indices``, in that order."""
        files = tuple(self.files[i] for i in indices)
        return LabelledFiles(self.folder, files, self.labels[indices])

    def read(
        self, resize: Resize | None = None, progress: Progress = lambda count: None
    ) -> LabelledImages:
        """Decode the files.

        Raises:
            DataError: one cannot be decoded, or has another size than the first.
        """
        return LabelledImages(stack(self._decode(resize), len(self), progress), self.labels)

    def _decode(self, resize: Resize | None) -> Iterator[NDArray[np.uint8]]:
        first: tuple[int, ...] = ()
        for file in self.files:
            image = _decode(file, resize)
            first = first or image.shape
            if image.shape != first:
                raise DataError(
                    f"{file} is {image.shape[2]}x{image.shape[1]} pixels, {self.files[0]} is "
                    f"{first[2]}x{first[1]}.",
                    "Scale them to one size: cifarq train --image-size N, cifarq-export --resize "
                    "N.",
                )
            yield image


def _decode(path: Path, resize: Resize | None) -> NDArray[np.uint8]:
    """Decode one image to (3, H, W) uint8, as the device does: upright, whatever the camera was."""
    try:
        image = images.read(path).transpose(2, 0, 1)
    except DataError as error:
        raise DataError(str(error), "Replace or remove it.") from error
    return image if resize is None else resize(image)
