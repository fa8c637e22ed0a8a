"""Accuracy that static INT8 gets back without FP32 layers: other ranges, and corrected biases.

Where FP32's class is lost on too many calibration images, the other ways are tried on the same
images, and the best is taken. No label is looked at, nor any image that an artifact is judged on.
"""

from dataclasses import dataclass, replace

import numpy as np

from cifarq_export import formats
from cifarq_export.check import baseline
from cifarq_export.check.sensitivity import Subject
from edge_runtime.measure import accuracy

ENOUGH = 0.97
"""Share of calibration images with FP32's class from which on nothing else is tried.

Four depthwise networks kept 91 to 97 % by minmax: benchmarks/results/recovery.md.
"""

IMAGES = 256
"""Calibration images that methods are compared on."""


_BIASES = " with biases corrected"


@dataclass(frozen=True)
class Recovered:
    """How a static INT8 model keeps most of its accuracy.

    Attributes:
        subject: the model, its recipe changed to the best way.
        agreements: share (0-1) of calibration images with FP32's class, by each way tried.
    """

    subject: Subject
    agreements: dict[str, float]

    def describe(self) -> str:
        """Return a sentence that says what was gained; empty if the first way is the best."""
        if not self.agreements:
            return ""
        first, best = next(iter(self.agreements)), _best(self.agreements)
        if best == first:
            return ""
        shares = ", ".join(f"{way} {100 * a:.1f} %" for way, a in self.agreements.items())
        return (
            f"activation ranges are found by {best}, not {first}: it keeps FP32's class on more "
            f"calibration images ({shares})."
        )


def recover(subject: Subject) -> Recovered:
    """Try the methods that a recipe's calibration allows, until one agrees with FP32 enough.

    At last the best one is tried with biases corrected.

    Args:
        subject: the model; its baseline is not looked at.
    """
    calibration = subject.recipe.calibration
    if calibration is None or not calibration.alternatives:
        return Recovered(subject, {})
    few = np.arange(min(IMAGES, len(calibration.images)))
    fp32 = baseline.answer(subject.source, calibration.images.take(few))
    ways: dict[str, Subject] = {}
    tried: dict[str, float] = {}

    def enough(way: str, changed: Subject) -> bool:
        ways[way], tried[way] = changed, _agreement(changed, fp32)
        return tried[way] >= ENOUGH

    methods = (calibration.method, *calibration.alternatives)
    if not any(enough(method, _calibrated_by(subject, method)) for method in methods):
        best = _best(tried)
        recipe = replace(ways[best].recipe, correct_biases=True)
        enough(f"{best}{_BIASES}", replace(subject, recipe=recipe))
    return Recovered(ways[_best(tried)], tried)


def _best(agreements: dict[str, float]) -> str:
    return max(agreements, key=lambda way: agreements[way])


def _calibrated_by(subject: Subject, method: str) -> Subject:
    assert subject.recipe.calibration is not None
    calibration = replace(subject.recipe.calibration, method=method)
    return replace(subject, recipe=replace(subject.recipe, calibration=calibration))


def _agreement(subject: Subject, fp32: baseline.Baseline) -> float:
    static = formats.static(subject.format, subject.source, subject.recipe)
    if static is None:
        return 1.0
    run = static.open()
    size = baseline.batch_size(subject.source)
    how = subject.recipe.how
    logits = accuracy.logits_of(run, fp32.images.images, how, batch_size=size)
    return accuracy.agreement(logits, fp32.logits).value
