"""Images as programs hold them: which axis is which, and in what order the channels lie."""

from enum import StrEnum
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge_runtime.errors import DataError, UsageError, did_you_mean

_CHANNELS = (1, 3, 4)  # grey, colour, colour and alpha
_SHAPES = "(H, W, 3), (3, H, W), (H, W), (H, W, 1) or (H, W, 4), or (N, ...) of these"
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
    """An image whose shape can be read in two ways, and nobody said in which.

    Args:
        readings: which two, without what to do: a program and the command line say it differently.
    """

    def __init__(self, readings: str) -> None:
        super().__init__(f"{readings}. Say layout='CHW' or layout='HWC'.")
        self.readings = readings


def separate(
    images: Any, color: str = Color.RGB, layout: str | None = None
) -> list[NDArray[np.uint8]]:
    """Return images one by one, without copying them.

    Args:
        images: a uint8 array (H, W), (H, W, C), (C, H, W), (N, H, W, C) or (N, C, H, W), C being
            1 (grey), 3, or 4 (alpha is dropped); or a list of such single images, of any sizes.
        color: ``RGB`` or ``BGR``.
        layout: ``HWC`` or ``CHW``; None: told from the shape.

    Returns:
        At least one image, each (3, H, W) or (1, H, W) uint8, RGB.

    Raises:
        LayoutError: its shape can be read in two ways.
        DataError: there is none, or its type or shape is another.
        UsageError: there is no such ``color`` or ``layout``.
    """
    order = _choice(Color, "color", color)
    where = None if layout is None else _choice(Layout, "layout", layout)
    if isinstance(images, list | tuple):
        singles = [_array(image) for image in images]
        if batches := [image.shape for image in singles if image.ndim == 4]:
            raise DataError(f"a list holds single images; one of these is a batch {batches[0]}.")
    else:
        array = _array(images)
        singles = list(array) if array.ndim == 4 else [array]
    if not singles:
        raise DataError("there are no images: give at least one.")
    return [_planes(image, order, where) for image in singles]


def _choice(kind: type[_Choice], name: str, value: str) -> _Choice:
    try:
        return kind(str(value).upper())
    except ValueError:
        hint = did_you_mean(str(value).upper(), [str(member) for member in kind])
        raise UsageError(f"no {name} {value!r}. {hint}") from None


def _array(image: Any) -> NDArray[np.uint8]:
    if not isinstance(image, np.ndarray):
        raise DataError(
            f"an image is a numpy array of uint8, not {type(image).__name__}. Of a Pillow image: "
            "numpy.asarray(image.convert('RGB')). Of a camera: frame by frame, with stream()."
        )
    if image.dtype != np.uint8:
        raise DataError(f"images are uint8, 0 to 255; these are {image.dtype}. {_remedy(image)}")
    if not image.size and (image.ndim != 4 or len(image)):
        raise DataError(f"an image of shape {image.shape} has no pixels. Give {_SHAPES}.")
    if image.ndim not in (2, 3, 4):
        raise DataError(f"{image.shape} is no shape of images. Give {_SHAPES}.")
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


def _planes(image: NDArray[np.uint8], color: Color, layout: Layout | None) -> NDArray[np.uint8]:
    """Return one image as (3, H, W) or (1, H, W), RGB."""
    if image.ndim == 2:
        return image[np.newaxis]
    planes = image if _layout(image.shape, layout) is Layout.CHW else image.transpose(2, 0, 1)
    return planes[:3] if color is Color.RGB else planes[:3][::-1]


def _layout(shape: tuple[int, ...], layout: Layout | None) -> Layout:
    """Return where the channels are: where it was said, else where alone they can be."""
    sides = {Layout.CHW: shape[0], Layout.HWC: shape[2]}
    possible = [which for which, channels in sides.items() if channels in _CHANNELS]
    if layout:
        possible = [which for which in possible if which is layout]
    if len(possible) > 1:
        raise LayoutError(
            f"an image of shape {shape} can be {shape[0]} channels of {shape[1:]} or "
            f"{shape[2]} channels of {shape[:2]}"
        )
    if not possible:
        raise DataError(
            f"an image of shape {shape} has no axis of 1, 3 or 4 channels"
            f"{f' as {layout} has them' if layout else ''}. Give {_SHAPES}; several grey images "
            "are (N, H, W, 1), or a list."
        )
    return possible[0]
