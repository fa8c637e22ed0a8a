"""Gates: what an artifact has to pass before it ships, each with its figure and what to do.

    parity     an FP32 artifact gives the model's own logits
    accuracy   an INT8 artifact is not shown to lose more top-1 than allowed
    agreement  nor, where top-1 cannot tell, to answer another class than FP32 too often
    speed      an INT8 artifact is not shown to be much slower than FP32, on this CPU

Each artifact is opened again from its file, and answers one image a call as it is deployed; see
arithmetic.py for what computes its answers.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from cifarq_export.check.baseline import Baseline
from cifarq_export.formats import STATIC
from cifarq_export.int8.calibrate import Calibration
from cifarq_export.sources import Source
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

MIN_AGREEMENT, CLOSE_AGREEMENT = 0.90, 0.97
"""The share of images in FP32's class below which INT8 fails, and from which on it is near enough,
where top-1 cannot tell. An answer that is right in one and wrong in the other is another class, so
at an agreement of a top-1 falls by at most 100 (1 - a) points; most changes cancel. Measured
(issue 12): a static INT8 mobilenetv3 changed 27.7 % of 6,000 answers and lost 2.48 ± 0.92 points, 6
to 12 % of what it changed. At 6 % a tenth of changed answers costs 0.56 points, more than the 0.5
allowed; at 12 % three in a hundred cost 0.37, which is less. The seed CNN's INT8 artifacts agree
with FP32 on 99.3 to 99.9 % of 5,000 images (benchmarks/results/precisions.json)."""


class Gate(StrEnum):
    """What may be overridden by ``--force``, as the manifest names it."""

    PARITY = "parity"
    ACCURACY = "accuracy"
    AGREEMENT = "agreement"
    SPEED = "speed"


@dataclass(frozen=True)
class Failure:
    """A gate that an artifact did not pass.

    Attributes:
        gate: which one.
        file: the artifact.
        message: the figure and what is known of its cause, in sentences.
        remedy: what to do, in a sentence.
    """

    gate: Gate
    file: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.gate} gate: {self.file}: {self.message}"


@dataclass(frozen=True)
class Limits:
    """What the gates allow.

    Attributes:
        max_drop: points of top-1 that INT8 may lose against FP32.
        min_agreement: the least share (0-1) of images that INT8 puts in FP32's class, where the
            images are too few to tell the drop of top-1; 0 does not judge.
        min_speedup: the least ratio of INT8's speed to FP32's; 0 does not measure.
        fallback_trials: how often layers may be returned to FP32 to keep the accuracy.
    """

    max_drop: float = 0.5
    min_agreement: float = MIN_AGREEMENT
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
                "Check the weights, --mean and --std.",
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
        f"does not compute what {kind} computes: {problem}.",
        "Leave the format out with --format, or report it.",
    )


def top1_tells(checked: Checked, limits: Limits) -> bool:
    """Say whether the drop's whole interval lies on one side of what is allowed."""
    return not checked.drop.low <= limits.max_drop < checked.drop.high


def accuracy_failure(
    file: str, checked: Checked, limits: Limits, remedy: str, causes: str = ""
) -> Failure | None:
    """Fail an INT8 artifact whose drop is shown to be above what is allowed.

    Where the images are too few to tell, it fails if its agreement is shown to be too low.

    Args:
        file: the artifact's.
        checked: what it answered.
        limits: what is allowed.
        remedy: see ``accuracy_remedy``.
        causes: a sentence that names the layers at fault.
    """
    images = f"{checked.parity.images:,} validation images"
    if checked.drop.low > limits.max_drop:
        gate = Gate.ACCURACY
        message = f"the top-1 drop is {checked.drop} points on {images}, allowed "
        message += f"{limits.max_drop:g}."
    elif _disagrees(checked, limits):
        gate = Gate.AGREEMENT
        message = f"{_percent(checked.agreement)} of {images} are put in FP32's class, required "
        message += f"{100 * limits.min_agreement:g} %."
    else:
        return None
    return Failure(gate, file, f"{message} {causes}".strip(), remedy)


def holds(checked: Checked, limits: Limits) -> bool:
    """Say whether an INT8 artifact is near enough as it is: by its drop, not the drop's bounds."""
    return checked.drop.value <= limits.max_drop and not _disagrees(checked, limits)


def is_doubtful(checked: Checked, limits: Limits) -> bool:
    """Say whether neither top-1 nor the agreement tells that an INT8 artifact is near enough."""
    near = checked.agreement.value >= CLOSE_AGREEMENT
    return not (near or top1_tells(checked, limits) or _disagrees(checked, limits))


def describe_doubt(file: str, checked: Checked) -> str:
    """Return an artifact's drop and agreement, as a clause."""
    return f"{file} {checked.drop} points, {_percent(checked.agreement)} in FP32's class"


def _disagrees(checked: Checked, limits: Limits) -> bool:
    too_low = checked.agreement.high < limits.min_agreement
    return too_low and not top1_tells(checked, limits)


def _percent(share: Estimate) -> str:
    value, low, high = (100 * number for number in (share.value, share.low, share.high))
    return f"{value:.1f} % [{low:.1f}, {high:.1f}]"


def accuracy_remedy(precision: str, calibration: Calibration | None, source: Source) -> str:
    """Return what to do about lost accuracy: of what was not tried yet.

    Args:
        precision: the artifact's.
        calibration: of its recipe, with the methods that the export tries by itself.
        source: what is exported.
    """
    if precision == STATIC and source.learned:
        return "Train with `cifarq train --qat` for more --epochs, or try another --precision."
    if precision != STATIC or calibration is None:
        return "Try another --precision."
    remedy = "more --calibration-images, or another --precision."
    if calibration.alternatives:  # recovery has been through them
        remedy = f"Give {remedy}"
    else:
        said = f"Leave --calibration {calibration.method} out, which tries several"
        remedy = f"{said}, or give {remedy}"
    if source.checkpoint is None:
        return remedy
    return f"{remedy} Or train it for INT8: `cifarq train --qat {source.checkpoint}`."


def speed_failure(file: str, speed: Estimate, limits: Limits, cause: str) -> Failure | None:
    """Fail an INT8 artifact all of whose interval lies below the least ratio allowed."""
    if speed.high >= limits.min_speedup:
        return None
    return Failure(
        Gate.SPEED,
        file,
        f"runs at {speed} times the speed of FP32 on this CPU, required {limits.min_speedup:g}: "
        f"{cause}.",
        "Lower --min-speedup if it is wanted for its size.",
    )


def speed_warning(file: str, speed: Estimate, cause: str) -> str | None:
    """Warn of INT8 that is shown to be slower than FP32, and passes the speed gate."""
    if speed.high >= FULL_SPEED:
        return None
    return f"{file} is slower than FP32 here, {speed} times its speed: {cause}."
