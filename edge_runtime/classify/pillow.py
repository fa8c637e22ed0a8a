"""Pillow, imported here alone, for it is optional on a device: decode photographs, scale images.

An array of the model's own size needs no Pillow.
"""

import warnings
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from edge_runtime.bundle.resizing import ResizeFilter
from edge_runtime.errors import DataError
from edge_runtime.files import open_regular

_MOST_BYTES = 2**30
"""Of a photograph's file; how many pixels it may have is Pillow's own rule."""


def decode(path: Path, shown: str) -> NDArray[np.uint8]:
    """Return a photograph (H, W, 3) uint8 RGB, upright.

    Args:
        path: the file.
        shown: what it is called in messages.

    Raises:
        DataError: Pillow is not installed, or the file has more than 8 bits a channel or is no
            image. Pillow raises other exceptions on damaged files.
    """
    image_module = _require(f"reading {shown}")
    from PIL import ImageOps, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of metadata that is not needed
        # An image that Pillow calls a bomb takes some 300 MB, which a small device does not have.
        warnings.simplefilter("error", image_module.DecompressionBombWarning)
        try:
            with (
                open_regular(path, _MOST_BYTES) as file,
                image_module.open(file) as image,
            ):
                if image.mode.startswith(("I", "F")):
                    raise DataError(
                        f"{shown}: has more than 8 bits a channel (Pillow's mode {image.mode}).",
                        "Save it with 8.",
                    )
                # A camera held upright says so, and stores the picture lying on its side.
                return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        except UnidentifiedImageError as error:
            raise DataError(f"{shown}: no image that Pillow can read.") from error


def scale(
    pixels: NDArray[np.uint8], height: int, width: int, by: ResizeFilter
) -> NDArray[np.uint8]:
    """Return an image scaled with antialiasing.

    Args:
        pixels: (C, H, W) uint8, C being 1 or 3.
        height: of the result.
        width: of the result.
        by: the filter that interpolates.

    Returns:
        (C, height, width) uint8.

    Raises:
        DataError: Pillow is not installed.
    """
    _, high, wide = pixels.shape
    image_module = _require(f"scaling an image from {wide}x{high} to {width}x{height}")
    channels_last = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
    image = image_module.fromarray(np.ascontiguousarray(channels_last))
    scaled = np.asarray(image.resize((width, height), image_module.Resampling[by.name]))
    return scaled[np.newaxis] if scaled.ndim == 2 else scaled.transpose(2, 0, 1)


def _require(what: str) -> ModuleType:
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise DataError(
            f"{what} needs Pillow:", "pip install pillow (setup-device.sh installs it)"
        ) from error
    return Image
