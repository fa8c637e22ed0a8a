"""Accuracy that static INT8 gets back without FP32 layers: ranges that are found in another way.

Where FP32's class is lost on too many calibration images, the other methods are tried on the same
images, and the best is taken. No label is looked at, nor any image that an artifact is judged on.
"""

from dataclasses import dataclass, replace

import numpy as np

from cifarq_export import formats
from cifarq_export.check import baseline
from cifarq_export.check.arithmetic import JudgedBy
from cifarq_export.check.sensitivity import Subject
from edge_runtime.measure import accuracy

ENOUGH = 0.97
"""Share of calibration images with FP32's class from which on nothing else is tried.

The seed CNN keeps 99 %; a mobilenet_v3_small kept 83 % by minmax and 89 % by entropy.
"""

IMAGES = 256
"""Calibration images that methods are compared on."""


@dataclass(frozen=True)
class Recovered:
    """How a static INT8 model is best calibrated.

    Attributes:
        subject: the model, its recipe changed to the best method.
        agreements: share (0-1) of calibration images with FP32's class, by each method tried.
    """

    subject: Subject
    agreements: dict[str, float]

    def describe(self) -> str:
        """Return a sentence that says what was gained; empty if the method is the first."""
        assert self.subject.recipe.calibration is not None
        chosen, first = self.subject.recipe.calibration.method, next(iter(self.agreements), "")
        if chosen == first or not self.agreements:
            return ""
        shares = ", ".join(f"{name} {100 * a:.1f} %" for name, a in self.agreements.items())
        return (
            f"activation ranges are found by {chosen}, not {first}: it keeps FP32's class on more "
            f"calibration images ({shares})."
        )


def recover(subject: Subject) -> Recovered:
    """Try the methods that a recipe's calibration allows, until one agrees with FP32 enough.

    Args:
        subject: the model; its baseline is not looked at.
    """
    calibration = subject.recipe.calibration
    assert calibration is not None
    if not calibration.alternatives:
        return Recovered(subject, {})
    few = np.arange(min(IMAGES, len(calibration.images)))
    fp32 = baseline.answer(subject.source, calibration.images.take(few))
    tried: dict[str, float] = {}
    for method in (calibration.method, *calibration.alternatives):
        tried[method] = _agreement(_calibrated_by(subject, method), fp32)
        if max(tried.values()) >= ENOUGH:
            break
    best = max(tried, key=lambda method: tried[method])
    return Recovered(_calibrated_by(subject, best), tried)


def _calibrated_by(subject: Subject, method: str) -> Subject:
    assert subject.recipe.calibration is not None
    calibration = replace(subject.recipe.calibration, method=method)
    return replace(subject, recipe=replace(subject.recipe, calibration=calibration))


def _agreement(subject: Subject, fp32: baseline.Baseline) -> float:
    static = formats.static(subject.format, subject.source, subject.recipe)
    if static is None:
        return 1.0
    run = static.open(by_reference=subject.judged_by is JudgedBy.REFERENCE)
    size = baseline.batch_size(subject.source)
    how = subject.recipe.how
    logits = accuracy.logits_of(run, fp32.images.images, how, batch_size=size)
    return accuracy.agreement(logits, fp32.logits).value
