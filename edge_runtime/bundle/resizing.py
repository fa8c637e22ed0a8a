"""How images of any size are brought to the size that a model takes, as a manifest says it."""

from dataclasses import dataclass
from enum import StrEnum

from edge_runtime.documents.strict import Positive


class ResizeMode(StrEnum):
    """Whose aspect ratio a scaled image has: its own, or that of the model's input."""

    CROP = "crop"
    STRETCH = "stretch"


class ResizeFilter(StrEnum):
    """How pixels are interpolated; always with antialiasing."""

    BILINEAR = "bilinear"
    BICUBIC = "bicubic"


@dataclass(frozen=True)
class Resizing:
    """Scale so that the shorter side has ``shorter`` pixels, then crop the centre."""

    shorter: Positive
    mode: ResizeMode = ResizeMode.CROP
    filter: ResizeFilter = ResizeFilter.BILINEAR

    def least(self, height: int, width: int) -> int:
        """Return the smallest ``shorter`` that leaves no scaled image smaller than the input."""
        # An image may lie where the input stands: its shorter side has to hold the longer one.
        return max(height, width) if self.mode is ResizeMode.CROP else min(height, width)

    def scaled(self, image: tuple[int, int], target: tuple[int, int]) -> tuple[int, int]:
        """Return the height and width that an image of one size is scaled to for another."""
        high, wide = image if self.mode is ResizeMode.CROP else target
        least = min(high, wide)
        return int(self.shorter * high / least), int(self.shorter * wide / least)

    def describe(self, height: int, width: int) -> str:
        """Return what is done to images, for an input of this size."""
        cropped = f"; centre {width}x{height} cropped"
        if self.mode is ResizeMode.CROP:
            return f"shorter side scaled to {self.shorter}, {self.filter}{cropped}"
        high, wide = self.scaled((height, width), (height, width))
        whole = (high, wide) == (height, width)
        return f"stretched to {wide}x{high}, {self.filter}{'' if whole else cropped}"
