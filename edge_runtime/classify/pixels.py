"""Images as programs hold them: which axis is which, and in what order the channels lie."""

from enum import StrEnum
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge_runtime.errors import DataError, UsageError, did_you_mean

_CHANNELS = (1, 3, 4)  # grey, colour, colour and alpha
_SHAPES = "(H, W), (H, W, 1), (H, W, 3) or (H, W, 4), or (N, ...) of these"
_Choice = TypeVar("_Choice", bound=StrEnum)


class Color(StrEnum):
    """The order of an image's channels; alpha, where there is some, comes last."""

    RGB = "RGB"
    BGR = "BGR"


class Layout(StrEnum):
    """Where an image's channels are: last, as cameras have them, or first, as models do."""

    HWC = "HWC"
    CHW = "CHW"


class LayoutError(DataError):
    """An image whose shape has no channels where its layout has them."""


def separate(
    images: Any, color: str = Color.RGB, layout: str = Layout.HWC
) -> list[NDArray[np.uint8]]:
    """Return images one by one, without copying them.

    Args:
        images: a uint8 array (H, W), (H, W, C) or (N, H, W, C), C being 1 (grey), 3, or 4 (alpha
            is dropped); or a list of such single images, of any sizes.
        color: ``RGB`` or ``BGR``.
        layout: ``HWC``; or ``CHW`` for arrays (C, H, W) and (N, C, H, W).

    Returns:
        At least one image, each (3, H, W) or (1, H, W) uint8, RGB.

    Raises:
        LayoutError: its channels are not where ``layout`` has them.
        DataError: there is none, or its type or shape is another.
        UsageError: there is no such ``color`` or ``layout``.
    """
    order = _choice(Color, "color", color)
    where = _choice(Layout, "layout", layout)
    if isinstance(images, list | tuple):
        singles = [_array(image) for image in images]
        if batches := [image.shape for image in singles if image.ndim == 4]:
            raise DataError(f"a list holds single images; one of these is a batch {batches[0]}.")
    else:
        array = _array(images)
        singles = list(array) if array.ndim == 4 else [array]
    if not singles:
        raise DataError("there are no images.", "Give at least one.")
    return [_planes(image, order, where) for image in singles]


def to_grey(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the luma (..., 1, H, W) of images (..., 3, H, W), RGB; grey images as they are.

    Source: ITU-R BT.601, rounded as Pillow's ``convert("L")`` does.
    """
    if images.shape[-3] == 1:
        return images
    red, green, blue = (images[..., i : i + 1, :, :].astype(np.uint32) for i in range(3))
    luma = (19_595 * red + 38_470 * green + 7_471 * blue + 2**15) >> 16
    return luma.astype(np.uint8)


def _choice(kind: type[_Choice], name: str, value: str) -> _Choice:
    try:
        return kind(str(value).upper())
    except ValueError:
        hint = did_you_mean(str(value).upper(), [str(member) for member in kind])
        raise UsageError(f"no {name} {value!r}.", hint) from None


def _array(image: Any) -> NDArray[np.uint8]:
    if not isinstance(image, np.ndarray):
        raise DataError(
            f"an image is a numpy array of uint8, not {type(image).__name__}.",
            "Of a Pillow image: numpy.asarray(image.convert('RGB')). Of a camera: frame by frame, "
            "with stream().",
        )
    if image.dtype != np.uint8:
        raise DataError(f"images are uint8, 0 to 255; these are {image.dtype}.", _remedy(image))
    if not image.size and (image.ndim != 4 or len(image)):
        raise DataError(f"an image of shape {image.shape} has no pixels.", f"Give {_SHAPES}.")
    if image.ndim not in (2, 3, 4):
        raise DataError(f"{image.shape} is no shape of images.", f"Give {_SHAPES}.")
    return image


def _remedy(image: NDArray[Any]) -> str:
    """Say how to make bytes of an array of another type."""
    if image.dtype.kind == "f":
        return (
            "Where they are 0 to 1: (255 * images).round().astype('uint8'). Where they are "
            "normalised: give them as they were before, the manifest's mean and std are applied."
        )
    if image.dtype.kind == "b":
        return "Give 255 * images.astype('uint8')."
    if image.dtype.kind in "iu":
        return "Where they are 0 to 255: images.astype('uint8'); 16 bits: (images >> 8) first."
    return "Give numbers."


def _planes(image: NDArray[np.uint8], color: Color, layout: Layout) -> NDArray[np.uint8]:
    """Return one image as (3, H, W) or (1, H, W), RGB."""
    if image.ndim == 2:
        return image[np.newaxis]
    planes = image if layout is Layout.CHW else image.transpose(2, 0, 1)
    if len(planes) not in _CHANNELS:
        other = Layout.HWC if layout is Layout.CHW else Layout.CHW
        raise LayoutError(
            f"an image of shape {image.shape} has {len(planes)} channels in the layout {layout}; "
            "1, 3 and 4 are known.",
            f"If its channels are {'last' if other is Layout.HWC else 'first'}, give "
            f"layout={other.value!r}; several grey images are (N, H, W, 1), or a list.",
        )
    return planes[:3] if color is Color.RGB else planes[:3][::-1]
