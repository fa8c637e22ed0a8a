"""Where the pixels of many images lie: in memory, or in a file on disk where they would fill it.

The file has no name: it is gone with the process, however that ends, and holds the images as they
were decoded once. Its pages are the kernel's cache, which gives them back where memory runs short.
"""

import os
import tempfile
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from cifarq.data import cache
from edge_runtime.errors import DataError, reason
from edge_runtime.files import megabytes

MOST_IN_MEMORY = 256 * 2**20
"""Bytes of pixels of one part of a data set: all of CIFAR-10 is less."""


def stack(
    images: Iterable[NDArray[np.uint8]],
    count: int,
    progress: Callable[[int], object] = lambda done: None,
) -> NDArray[np.uint8]:
    """Return images (C, H, W), one after the other, as an array (N, C, H, W).

    Args:
        images: all of one shape, made as they are asked for.
        count: how many, N, at least 1.
        progress: called with the number of images done since the last call.

    Raises:
        DataError: they need a file, and the disk has no room for it.
    """
    pixels: NDArray[np.uint8] | None = None
    for index, image in enumerate(images):
        if pixels is None:
            pixels = _room((count, *image.shape))
        pixels[index] = image
        progress(1)
    assert pixels is not None
    return pixels


def _room(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    size = int(np.prod(shape))
    if size <= MOST_IN_MEMORY:
        return np.empty(shape, np.uint8)
    folder = cache.folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, size)  # a full disk is told now, not by a signal
            return np.memmap(file, np.uint8, "r+", shape=shape)
    except OSError as error:
        raise DataError(
            f"the decoded images take {megabytes(size)}, and {folder} cannot hold them: "
            f"{reason(error)}.",
            "Free disk space, or set XDG_CACHE_HOME to a folder that has room.",
        ) from error
