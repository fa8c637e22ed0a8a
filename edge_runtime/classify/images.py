"""Image files for ``edge-bench classify``: photographs by Pillow, arrays by numpy alone.

Pillow is optional on a device: it is imported here alone, when a photograph is read.
"""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_runtime.errors import DataError, reason

ARRAYS = frozenset({".npy", ".npz"})
PICTURES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)


def find(path: Path) -> list[Path]:
    """Return the files that a path means: itself, or the images in a folder and those below it.

    Folders are searched in sorted order, for known suffixes; hidden files and folders, and links to
    folders, are passed over.

    Raises:
        DataError: nothing is there, or a folder holds no image.
    """
    if not path.is_dir():
        if not os.path.lexists(path):
            raise DataError(f"{_shown(path)} does not exist. Give an image, or a folder of images.")
        return [path]
    found: list[Path] = []
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files = [Path(folder, name) for name in sorted(names) if not name.startswith(".")]
        found += [f for f in files if f.suffix.lower() in ARRAYS | PICTURES and f.is_file()]
    if not found:
        known = " ".join(sorted(ARRAYS | PICTURES))
        raise DataError(f"{_shown(path)} holds no image that is known by its suffix: {known}.")
    return found


def read(path: Path) -> NDArray[Any]:
    """Read a file: (H, W, 3) uint8 RGB of a photograph, what it holds of a file of arrays.

    A ``.npz`` holds its array as ``images``. Nothing is unpickled.

    Raises:
        DataError: the file cannot be read or is damaged, or Pillow is needed and not installed.
    """
    try:
        return _array(path) if path.suffix.lower() in ARRAYS else _picture(path)
    except DataError:
        raise
    except MemoryError as error:
        raise DataError(f"{_shown(path)}: too large for this machine's memory.") from error
    except OSError as error:
        raise DataError(f"{_shown(path)}: {error.strerror or reason(error)}.") from error
    except Exception as error:  # a damaged file makes zipfile and Pillow raise nearly anything
        raise DataError(f"{_shown(path)}: cannot be read ({reason(error)}).") from error


def _array(path: Path) -> NDArray[Any]:
    with path.open("rb") as file:
        loaded = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            if "images" not in loaded.files:
                raise DataError(
                    f"{_shown(path)} holds {', '.join(loaded.files) or 'nothing'}; expected an "
                    "array named images."
                )
            images: NDArray[Any] = loaded["images"]
            return images


def _picture(path: Path) -> NDArray[np.uint8]:
    """Return a photograph (H, W, 3) uint8 RGB, upright."""
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ModuleNotFoundError as error:
        raise DataError(
            f"reading {_shown(path)} needs Pillow: pip install pillow (setup-device.sh installs it)"
        ) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of metadata that is not needed
        # An image that Pillow calls a bomb takes some 300 MB, which a small device does not have.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with path.open("rb") as file, Image.open(file) as image:
                if image.mode.startswith(("I", "F")):
                    raise DataError(
                        f"{_shown(path)}: has more than 8 bits a channel (Pillow's mode "
                        f"{image.mode}). Save it with 8."
                    )
                # A camera held upright says so, and stores the picture lying on its side.
                return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        except UnidentifiedImageError as error:
            raise DataError(f"{_shown(path)}: no image that Pillow can read.") from error


def _shown(path: Path) -> str:
    return str(path)[:200]
