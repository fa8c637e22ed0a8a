"""Does an artifact compute what the FP32 model does? One rule, on a workstation and a device."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_runtime.documents.strict import Count, Magnitude, Positive

if TYPE_CHECKING:  # only the processes that compute need numpy
    import numpy as np
    from numpy.typing import NDArray

INT8_DISAGREEMENT = 0.05
"""Share of images an INT8 model may put in another class than FP32, beyond what it did where it was
exported, before it counts as broken. Generous on purpose: INT8 outputs differ by CPU
(onnxruntime#20479), and how much accuracy may be lost is the exporter's question. A model with a
ruined layer disagrees far more often."""

DEVICE_TOLERANCE = 1e-3
"""How far FP32 logits may lie from those recorded at export, for logits up to 1 (relative above):
another CPU's kernels add in another order, and on Arm differ by less than this."""

_SIGMAS = 2  # what chance adds: of few images, one near a class boundary is already 5 %


@dataclass(frozen=True)
class Parity:
    """How an artifact's logits compare with the FP32 PyTorch model's, over the same images.

    Attributes:
        images: how many were compared.
        agree: how many are put in the same class.
        largest_difference: of any logit; None where one is not finite.
        largest_logit: the FP32 model's, by absolute value: the scale of the difference.
    """

    images: Positive
    agree: Count
    largest_difference: Magnitude | None
    largest_logit: Magnitude

    def __post_init__(self) -> None:
        if self.agree > self.images:
            raise ValueError(f"{self.agree} of {self.images} images (agree)")

    def problem(
        self, precision: str, *, fp32_tolerance: float, expected_agreement: float = 1.0
    ) -> str | None:
        """Say how the artifact is unfaithful, or None if it is faithful.

        Args:
            precision: ``fp32`` is held to its logits, everything else to its answers.
            fp32_tolerance: largest difference of logits up to 1, relative above that.
            expected_agreement: share of images (0-1) that it put in FP32's class when exported.
        """
        if self.largest_difference is None:
            return "logits are not finite"
        if precision == "fp32":
            allowed = fp32_tolerance * max(1.0, self.largest_logit)
            if self.largest_difference <= allowed:
                return None
            return (
                f"logits differ from the FP32 model's by up to {self.largest_difference:.2g}, "
                f"allowed {allowed:.2g}"
            )
        differing = self.images - self.agree
        share = min(1.0, 1 - expected_agreement + INT8_DISAGREEMENT)
        spread = math.sqrt(share * (1 - share) * self.images)
        allowed = math.floor(share * self.images + _SIGMAS * spread)
        if differing <= allowed:
            return None
        return (
            f"{differing} of {self.images} images are put in another class than by the FP32 model, "
            f"allowed {allowed}"
        )


def compare(logits: "NDArray[np.float32]", reference: "NDArray[np.float32]") -> Parity:
    """Compare logits (N, classes) with the FP32 model's for the same images."""
    import numpy as np

    difference = np.abs(logits.astype(np.float64) - reference.astype(np.float64)).max()
    return Parity(
        images=len(reference),
        agree=int((logits.argmax(axis=1) == reference.argmax(axis=1)).sum()),
        largest_difference=float(difference) if np.isfinite(difference) else None,
        largest_logit=float(np.abs(reference).max()),
    )
