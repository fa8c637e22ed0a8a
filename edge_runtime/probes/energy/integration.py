"""From samples to joules: differences of a counter, the trapezoid rule for a sensor."""

import math
from collections.abc import Sequence
from itertools import pairwise

from edge_runtime.probes.energy.source import Sample

PERIODS = 2.5
"""Two samples further apart than so many periods leave what lies between them uncovered: a single
sample that was missed does not, two in a row do."""


def integrate(samples: Sequence[Sample]) -> float | None:
    """Return the joules between the first and the last sample in which something was read.

    Of a counter they are its differences: samples that were missed, and what the clock did, play no
    part. Of a sensor they are the area under the straight lines between its samples; where the
    clock did not go on between two of them, there is none.

    Args:
        samples: in the order in which they were read, of one source.
    """
    known = [sample for sample in samples if sample.known]
    if len(known) < 2:
        return None
    return math.fsum(_joules(a, b) for a, b in pairwise(known))


def duration_ns(samples: Sequence[Sample]) -> int:
    """Return how long that was, by the clock of the samples, where it went on."""
    return sum(_steps_ns(samples))


def coverage(samples: Sequence[Sample], hz: float) -> float:
    """Return which share of that time lies between samples at most ``PERIODS`` apart.

    A counter counts on while nobody reads it: between its samples, all is covered.

    Args:
        samples: in the order in which they were read.
        hz: how often they should have been read.
    """
    counts = all(sample.joules is not None for sample in samples if sample.known)
    steps = _steps_ns(samples)
    covered = sum(step for step in steps if counts or step <= PERIODS * 1e9 / hz)
    return covered / sum(steps) if sum(steps) else 0.0


def _steps_ns(samples: Sequence[Sample]) -> list[int]:
    known = [sample for sample in samples if sample.known]
    return [_step_ns(a, b) for a, b in pairwise(known)]


def _step_ns(a: Sample, b: Sample) -> int:
    return max(0, b.monotonic_ns - a.monotonic_ns)


def _joules(a: Sample, b: Sample) -> float:
    if a.joules is not None and b.joules is not None:
        return b.joules - a.joules
    if a.watts is None or b.watts is None:
        return 0.0
    return (a.watts + b.watts) / 2 * _step_ns(a, b) / 1e9
