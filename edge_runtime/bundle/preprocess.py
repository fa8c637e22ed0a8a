"""From an image's bytes to what a model's input expects."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from edge_runtime.bundle.resizing import Resizing
from edge_runtime.documents.strict import Bounds

if TYPE_CHECKING:  # a manifest is read by processes that compute nothing, too
    import numpy as np
    from numpy.typing import NDArray

Mean = Annotated[float, Bounds(-1_000, 1_000)]
Deviation = Annotated[float, Bounds(1e-6, 1_000)]
"""Wide bounds: beyond them float32 inputs overflow, or hold nothing of the image."""


class Channels(StrEnum):
    """The channels of a model's input, in order."""

    RGB = "RGB"
    BGR = "BGR"
    GREY = "GREY"


class NormalisedBy(StrEnum):
    """Who scales and normalises: what runs the artifact, or the artifact itself."""

    RUNTIME = "runtime"
    ARTIFACT = "artifact"


@dataclass(frozen=True)
class Preprocessing:
    """How image bytes become a model's input: scale to ``range``, subtract mean, divide by std.

    Attributes:
        mean, std: one value a channel, in the order of ``color``, on the 0-1 scale.
        normalised_by: whether that is left to the runtime (the input is float32), or is part of
            the artifact (the input is the raw bytes, uint8).
        color: the channels of the input; the runtime brings an image's into this order.
        range: what 0-255 is scaled to before normalising.
        layout: order of the axes of a batch.
        resize: how images were brought to the input's size; None where they were taken as they are.
    """

    mean: tuple[Mean, ...]
    std: tuple[Deviation, ...]
    normalised_by: NormalisedBy = NormalisedBy.RUNTIME
    color: Channels = Channels.RGB
    range: tuple[float, float] = (0.0, 1.0)
    layout: str = "NCHW"
    resize: Resizing | None = None

    @property
    def channels(self) -> int:
        """How many channels the input has."""
        return 1 if self.color is Channels.GREY else 3

    @property
    def dtype(self) -> str:
        """The element type of the input: ``float32``, or ``uint8`` for raw bytes."""
        return "float32" if self.normalised_by is NormalisedBy.RUNTIME else "uint8"

    def apply(self, images: "NDArray[np.uint8]") -> "NDArray[Any]":
        """Turn images (N, C, H, W) uint8, RGB or grey, into a batch of ``dtype``, C-contiguous."""
        import numpy as np

        if self.color is Channels.BGR:
            images = images[:, ::-1]
        if self.normalised_by is NormalisedBy.ARTIFACT:
            return np.ascontiguousarray(images)
        return normalise(images, self.mean, self.std)

    def factor_and_offset(self) -> "tuple[NDArray[np.float32], NDArray[np.float32]]":
        """Return what raw pixels are multiplied by, and what is then added, to normalise them.

        For artifacts that take raw pixels: (x / 255 - mean) / std is x * 1/(255 std) - mean/std.

        Returns:
            Each (C, 1, 1) float32, rounded once.
        """
        import numpy as np

        std = np.asarray(self.std, np.float64)[:, None, None]
        mean = np.asarray(self.mean, np.float64)[:, None, None]
        return (1 / (255 * std)).astype(np.float32), (-mean / std).astype(np.float32)


def normalise(
    images: "NDArray[np.uint8]", mean: Sequence[float], std: Sequence[float]
) -> "NDArray[np.float32]":
    """Scale to 0-1, subtract the mean and divide by the standard deviation of each channel.

    Args:
        images: (N, C, H, W) uint8, NCHW, 0-255.
        mean: C means on the 0-1 scale.
        std: C standard deviations on the 0-1 scale.

    Returns:
        (N, C, H, W) float32, C-contiguous.
    """
    import numpy as np

    if not any(mean):  # one rounding: with a std of 1/255 the pixels come out as they are
        divisor = (255 * np.asarray(std, np.float64)).astype(np.float32)[:, None, None]
        return np.ascontiguousarray(images.astype(np.float32) / divisor)
    centre = np.asarray(mean, dtype=np.float32)[:, None, None]
    spread = np.asarray(std, dtype=np.float32)[:, None, None]
    scaled = images.astype(np.float32) / np.float32(255)
    return np.ascontiguousarray((scaled - centre) / spread)
