"""Image files for ``edge-bench classify`` and training: photographs by Pillow, arrays by numpy."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edge_runtime.classify import pillow
from edge_runtime.documents import arrays
from edge_runtime.errors import DataError, reason
from edge_runtime.files import open_regular

ARRAYS = frozenset({".npy", ".npz"})
PICTURES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)

MOST_BYTES = 2**30
"""Of a file of arrays, and of what it holds when it is unpacked."""


def find(path: Path) -> Iterator[Path | DataError]:
    """Yield the files that a path means: itself, or the images in a folder and those below it.

    Folders are searched in sorted order, for known suffixes; hidden files and folders, and links to
    folders, are passed over.

    In place of what is not there or cannot be reached, and of a folder without images, the error
    that says so comes; what is beside it comes nevertheless.
    """
    mode = _mode(path)
    if isinstance(mode, DataError):
        yield mode
    elif stat.S_ISDIR(mode):
        empty = True
        for file in below(path, ARRAYS | PICTURES):
            yield file
            empty = False
        if empty:
            known = " ".join(sorted(ARRAYS | PICTURES))
            yield DataError(f"{_shown(path)} holds no image that is known by its suffix: {known}.")
    else:
        yield path


def below(path: Path, suffixes: frozenset[str]) -> Iterator[Path | DataError]:
    """Yield the files with these suffixes in a folder and below it; see ``find``."""
    locked: list[OSError] = []  # folders that os.walk met since it gave one
    for folder, folders, names in os.walk(path, onerror=locked.append):
        yield from _drain(locked)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(folder, name)
            if name.startswith(".") or file.suffix.lower() not in suffixes:
                continue
            mode = _mode(file)
            if isinstance(mode, DataError):
                yield mode
            elif stat.S_ISREG(mode):  # whoever opens a pipe waits
                yield file
    yield from _drain(locked)


def _drain(locked: list[OSError]) -> Iterator[DataError]:
    yield from (_failure(Path(error.filename), error) for error in locked)
    locked.clear()


def _mode(path: Path) -> int | DataError:
    """Return the mode of the file or folder that a path leads to, or why it is unknown.

    Path.is_dir will not do: releases of Python differ in what it raises and what it calls no.
    """
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        if os.path.lexists(path):
            return DataError(f"{_shown(path)} is a link to nothing.")
        return DataError(f"{_shown(path)} does not exist.", "Give an image, or a folder of images.")
    except OSError as error:
        return _failure(path, error)


def read(path: Path) -> NDArray[Any]:
    """Read a file: (H, W, 3) uint8 RGB of a photograph, what it holds of a file of arrays.

    A ``.npz`` holds its array as ``images``. Nothing is unpickled.

    Raises:
        DataError: the file cannot be read or is damaged, or Pillow is needed and not installed.
    """
    try:
        return _array(path) if path.suffix.lower() in ARRAYS else pillow.decode(path, _shown(path))
    except DataError:
        raise
    except MemoryError as error:
        raise DataError(f"{_shown(path)}: too large for this machine's memory.") from error
    except OSError as error:
        raise _failure(path, error) from error
    except Exception as error:  # a damaged file makes zipfile and Pillow raise nearly anything
        raise DataError(f"{_shown(path)}: cannot be read ({reason(error)}).") from error


def _array(path: Path) -> NDArray[Any]:
    with open_regular(path, MOST_BYTES) as file:
        if path.suffix.lower() == ".npy":
            return arrays.read_npy(file, os.fstat(file.fileno()).st_size)
        found = arrays.read_npz(file, MOST_BYTES, {"images"})
    if "images" not in found:
        raise DataError(f"{_shown(path)} holds no array named images.")
    return found["images"]


def _failure(path: Path, error: OSError) -> DataError:
    return DataError(f"{_shown(path)}: {reason(error)}.")


def _shown(path: Path) -> str:
    return str(path)[:200]
