"""Gates: what an artifact has to pass before it ships, each with its figure and what to do.

    parity     an FP32 artifact gives the model's own logits
    accuracy   an INT8 artifact is not shown to lose more top-1 than allowed
    speed      an INT8 artifact is not shown to be much slower than FP32, on this CPU

Each artifact is opened again from its file, and answers one image a call as it is deployed; see
arithmetic.py for what computes its answers.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from cifarq_export.check.baseline import Baseline
from edge_runtime.errors import ExportError
from edge_runtime.measure import accuracy
from edge_runtime.results.parity import Parity
from edge_runtime.results.parity import compare as compare_logits
from edge_runtime.results.statistics import Estimate

EXPORT_TOLERANCE = 1e-4
"""How far FP32 logits may lie from the model's, for logits up to 1, relative above: on one machine
two engines differ by the order of their sums, about 1e-6."""

FULL_SPEED = 1.0
"""The ratio below which INT8 is slower than FP32."""


class Gate(StrEnum):
    """What may be overridden by ``--force``, as the manifest names it."""

    PARITY = "parity"
    ACCURACY = "accuracy"
    SPEED = "speed"


@dataclass(frozen=True)
class Failure:
    """A gate that an artifact did not pass: the figure, and what to do."""

    gate: Gate
    file: str
    message: str

    def __str__(self) -> str:
        return f"{self.gate} gate: {self.file}: {self.message}"


@dataclass(frozen=True)
class Limits:
    """What the gates allow.

    Attributes:
        max_drop: points of top-1 that INT8 may lose against FP32.
        min_speedup: the least ratio of INT8's speed to FP32's; 0 does not measure.
        fallback_trials: how often layers may be returned to FP32 to keep the accuracy.
    """

    max_drop: float = 0.5
    min_speedup: float = 0.8
    fallback_trials: int = 4


@dataclass(frozen=True)
class Checked:
    """An artifact's answers to the validation images, compared with the FP32 model's.

    Attributes:
        top1: share of right answers.
        drop: FP32's share less the artifact's, paired, in points of top-1; negative is a gain.
        parity: comparison with FP32's logits.
        agreement: share of images put in FP32's class.
        flaw: what makes its answers useless; empty if nothing does.
    """

    top1: Estimate
    drop: Estimate
    parity: Parity
    agreement: Estimate
    flaw: str = ""

    def require_useful(self, file: str) -> None:
        """Refuse an artifact whose answers are useless; no option overrides this.

        Raises:
            ExportError: they are not numbers, or the same for every image.
        """
        if self.flaw:
            raise ExportError(
                f"{file} answers {self.flaw}: the model is broken. Nothing was written.",
                "Check the weights, --mean and --std, or try --calibration percentile.",
            )


def compare(logits: NDArray[np.float32], baseline: Baseline) -> Checked:
    """Compare logits (N, classes) with the FP32 model's."""
    labels = baseline.images.labels
    return Checked(
        top1=accuracy.top1(logits, labels),
        drop=accuracy.pair(logits, baseline.logits, labels).drop.scaled(100),
        parity=compare_logits(logits, baseline.logits),
        agreement=accuracy.agreement(logits, baseline.logits),
        flaw=_flaw(logits),
    )


def _flaw(logits: NDArray[np.float32]) -> str:
    if not np.isfinite(logits).all():
        return "with NaN or infinite logits"
    if len(logits) > 1 and not np.ptp(logits, axis=0).any():
        return "every image with the same logits"
    return ""


def parity_failure(file: str, checked: Checked, kind: str) -> Failure | None:
    """Hold an FP32 artifact to the model's own logits."""
    problem = checked.parity.problem("fp32", fp32_tolerance=EXPORT_TOLERANCE)
    if problem is None:
        return None
    return Failure(
        Gate.PARITY,
        file,
        f"does not compute what {kind} computes: {problem}. Leave the format out with --format, "
        "or report it",
    )


def accuracy_failure(
    file: str, checked: Checked, limits: Limits, causes: str = ""
) -> Failure | None:
    """Fail an INT8 artifact whose drop is shown to be above what is allowed."""
    if checked.drop.low <= limits.max_drop:
        return None
    return Failure(
        Gate.ACCURACY,
        file,
        f"the top-1 drop is {checked.drop} points on {checked.parity.images:,} validation "
        f"images, allowed {limits.max_drop:g}. {causes}Try --calibration entropy or percentile, "
        "more --calibration-images, or another --precision",
    )


def accuracy_warning(file: str, checked: Checked, limits: Limits) -> str | None:
    """Warn where the images are too few to tell whether the drop is within what is allowed."""
    drop = checked.drop
    if not drop.low <= limits.max_drop < drop.high:
        return None
    return (
        f"{file}: {checked.parity.images:,} validation images are too few to tell whether the "
        f"top-1 drop, {drop} points, is above {limits.max_drop:g}. Give more with --data-dir and "
        "--validation-images."
    )


def speed_failure(file: str, speed: Estimate, limits: Limits, cause: str) -> Failure | None:
    """Fail an INT8 artifact all of whose interval lies below the least ratio allowed."""
    if speed.high >= limits.min_speedup:
        return None
    return Failure(
        Gate.SPEED,
        file,
        f"runs at {speed} times the speed of FP32 on this CPU, allowed "
        f"{limits.min_speedup:g}: {cause}. Leave it out with --precision",
    )


def speed_warning(file: str, speed: Estimate, cause: str) -> str | None:
    """Warn of INT8 that is shown to be slower than FP32, and passes the speed gate."""
    if speed.high >= FULL_SPEED:
        return None
    return f"{file} is slower than FP32 here, {speed} times its speed: {cause}."
