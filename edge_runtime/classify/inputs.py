"""What ``edge-bench classify`` is given: files, folders, and raw frames on standard input."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from edge_runtime.classify import images
from edge_runtime.classify.pixels import Color, Layout
from edge_runtime.errors import DataError, reason


@dataclass(frozen=True)
class Source:
    """An image as ``Classifier`` takes it, and what it is called.

    It is ``name`` in a line of text, and ``keys`` in one of JSON.
    """

    name: str
    keys: dict[str, Any]
    image: NDArray[np.uint8]
    color: str
    layout: str = Layout.HWC


def read_files(paths: Iterable[Path], color: str, layout: str) -> Iterator[Source | DataError]:
    """Yield the images of files and folders in order; in place of one that is unreadable, why.

    Args:
        paths: files and folders.
        color: of arrays; photographs have their own.
        layout: of arrays.
    """
    for path in paths:
        for file in images.find(path):
            if isinstance(file, DataError):
                yield file
            else:
                yield from _read_file(file, color, layout)


def _read_file(file: Path, color: str, layout: str) -> Iterator[Source | DataError]:
    """Yield a file's images; arrays may be many."""
    try:
        content = images.read(file)
        singles = list(content) if content.ndim == 4 else [content]
        if not singles:
            raise DataError(f"{file} holds no images.")
    except DataError as error:
        yield error
        return
    how = (color, layout)
    if file.suffix.lower() not in images.ARRAYS:
        how = (Color.RGB, Layout.HWC)
    for number, image in enumerate(singles):
        if content.ndim == 4:
            keys = {"file": str(file), "image": number}
            yield Source(f"{file}[{number}]", keys, image, *how)
        else:
            yield Source(str(file), {"file": str(file)}, image, *how)


def read_frames(
    stream: BinaryIO, width: int, height: int, color: str
) -> Iterator[Source | DataError]:
    """Yield raw frames (height, width, 3) uint8 from a stream until it ends, each as it comes."""
    size, number = width * height * 3, 0
    while True:
        try:
            piece = stream.read(size)
        except OSError as error:
            yield DataError(f"standard input: {reason(error)}.")
            return
        if not piece:
            break
        number += 1
        if len(piece) < size:
            yield DataError(
                f"standard input ended within frame {number}: {len(piece)} of {size} bytes.",
                f"Is --frames {width}x{height} what is sent, with 3 bytes a pixel?",
            )
            return
        image = np.frombuffer(piece, np.uint8).reshape(height, width, 3)
        yield Source(f"frame {number}", {"frame": number}, image, color)
    if not number:
        yield DataError("standard input held no frame.")
