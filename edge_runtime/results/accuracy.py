"""What an artifact answered to images: how many it had right, and how that compares with FP32."""

from dataclasses import dataclass

from edge_runtime.documents.strict import Count, Positive
from edge_runtime.results.parity import DEVICE_TOLERANCE, Parity


@dataclass(frozen=True)
class Counts:
    """How many images were classified rightly."""

    images: Positive
    right: Count

    def __post_init__(self) -> None:
        _check_part("right", self.right, self.images)


@dataclass(frozen=True)
class Accuracy(Parity):
    """The answers to the golden images, compared with the FP32 logits recorded at export.

    Attributes:
        right: how many golden images are classified rightly.
        exported: compared with this very artifact's answers recorded at export; None
            where that is not known, or cannot be compared with a whole batch.
        data: over the images of ``--accuracy-data``, if there were any.
    """

    right: Count
    exported: Parity | None = None
    data: Counts | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_part("right", self.right, self.images)

    @property
    def counts(self) -> Counts:
        """What top-1 is of: the user's images where there are some, else the golden ones."""
        return self.data or Counts(self.images, self.right)

    def difference_from_export(self) -> str | None:
        """Say how the answers differ from the same file's recorded at export, if they do.

        What FP32 differs by from CPU to CPU is no difference of INT8's.
        """
        there = self.exported
        if there is None:
            return None
        others, largest = there.images - there.agree, there.largest_difference
        scale = max(1.0, there.largest_logit)
        if not others and largest is not None and largest <= DEVICE_TOLERANCE * scale:
            return None
        logits = "are not finite" if largest is None else f"differ by up to {largest:.2g}"
        return (
            "INT8 outputs are not those recorded at export: logits "
            f"{logits}, {others} of {there.images} golden images are put in another class"
        )


def _check_part(name: str, part: int, images: int) -> None:
    if part > images:
        raise ValueError(f"{part} of {images} images ({name})")
