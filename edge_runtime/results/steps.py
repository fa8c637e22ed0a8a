"""Where a series of medians changed its level, and by how much."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from edge_runtime.results.statistics import Estimate, unpaired_ratio

DRAWS = 999
"""Random orders that a split is held against; the smallest p-value is 1 in 1,000."""

LEVEL = 0.01
"""The p-value up to which a split is a step: a history is looked at row by row, so a twentieth
would be seen by chance in every other history of ten rows."""


@dataclass(frozen=True)
class Step:
    """A change of level.

    Attributes:
        at: the position of the first value on the new level.
        ratio: the new level over the one before, with Welch's interval. The place was chosen where
            the difference is largest, which the interval does not know of.
    """

    at: int
    ratio: Estimate


def find(values: Sequence[float]) -> list[Step]:
    """Return the steps in a series of positive numbers, in their order.

    The series is split where the squared deviations of the logarithms from the two means are
    smallest. The split is a step if at most ``LEVEL`` of random orders of the same values can be
    split as well; then each side is looked at in the same way. At least about four values are
    needed on each side. Slow drift has no place where it happened, and may be shown as a step.

    Source: A. J. Scott and M. Knott 1974, Biometrics 30:507-512 (splitting in two, again and
    again); the permutation test as in D. Matteson and N. James 2014, JASA 109:334-345, which D.
    Daly et al. 2020 (ICPE) apply to the histories of MongoDB's benchmarks.
    """
    logs = [math.log(value) for value in values]
    starts = sorted(_splits(logs, 0, random.Random(0)))
    edges = [0, *starts, len(values)]
    return [
        Step(at, unpaired_ratio(values[at:after], values[before:at]))
        for before, at, after in zip(edges, starts, edges[2:], strict=False)
    ]


def _splits(logs: Sequence[float], offset: int, draw: random.Random) -> Iterator[int]:
    """Yield the positions of the steps, counted from ``offset``."""
    if len(logs) < 4:
        return
    gain, at = _best(logs)
    if not gain or not _stands_out(logs, gain, draw):
        return
    yield offset + at
    yield from _splits(logs[:at], offset, draw)
    yield from _splits(logs[at:], offset + at, draw)


def _best(logs: Sequence[float]) -> tuple[float, int]:
    """Return what the best split takes off the squared deviations, and where it is.

    Each side has 2 values or more: one alone has no spread to judge by.
    """
    count = len(logs)
    mean = sum(logs) / count
    sums = list(accumulate(value - mean for value in logs))
    # With a sum of s over the first k, the means of both sides explain s^2 (1/k + 1/(n - k)).
    return max((sums[k - 1] ** 2 * count / (k * (count - k)), k) for k in range(2, count - 1))


def _stands_out(logs: Sequence[float], gain: float, draw: random.Random) -> bool:
    """Whether few random orders of the values can be split as well."""
    shuffled, allowed = list(logs), LEVEL * (DRAWS + 1) - 1
    as_well = 0
    for _ in range(DRAWS):
        draw.shuffle(shuffled)
        as_well += _best(shuffled)[0] >= gain * (1 - 1e-9)
        if as_well > allowed:
            return False
    return True
