"""Every sample as a point: thinned where there are too many, and spread so that none hides others.

The points of a row lie in a band, the wider the more samples are near: the outline is the
distribution's shape. Source: N. Sidiropoulos and others 2018, SinaPlot, JCGS 27:673-676.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from edge_runtime.results.rows import Row

MOST = 10_000
"""Points of a page: more would make it large, and cover each other."""

_BINS = 48
_GOLDEN = (math.sqrt(5) - 1) / 2


class Sample(NamedTuple):
    """One sample: its round, its number in that round, and the duration of a call in ns."""

    round: int
    number: int
    call_ns: float


def most_of_each(counts: Sequence[int]) -> int:
    """Return how many points each row may have, so that all have ``MOST`` together.

    Args:
        counts: the samples of each row. Short rows leave their part to the long ones.
    """
    left, share = MOST, 0
    for i, count in enumerate(sorted(counts)):
        share = left // (len(counts) - i)
        if count > share:
            return max(share, 2)
        left -= count
    return max(counts, default=MOST)


def of(row: Row, most: int) -> list[Sample]:
    """Return a row's samples in the order of their durations.

    Where there are more than ``most``, those at even ranks: the shortest and the longest among
    them, so that neither the shape nor the ends change.
    """
    every = [
        Sample(turn.round, number, sample_ns / turn.calls_per_sample)
        for turn in row.turns
        for number, sample_ns in enumerate(turn.samples_ns, 1)
    ]
    every.sort(key=lambda sample: sample.call_ns)
    if len(every) <= most:
        return every
    step = (len(every) - 1) / (most - 1)
    return [every[round(i * step)] for i in range(most)]


def offsets(calls_ns: Sequence[float], half_height: float) -> list[float]:
    """Return how far each point stands from the middle of its band.

    Args:
        calls_ns: above 0.
        half_height: of the band, where most samples are.
    """
    logs = [math.log(call) for call in calls_ns]
    low, high = min(logs), max(logs)
    width = (high - low) / _BINS or 1.0
    bins = [min(int((value - low) / width), _BINS - 1) for value in logs]
    counts = [0] * _BINS
    for one in bins:
        counts[one] += 1
    # Each bin with its neighbours, so that the outline has no steps.
    near = [sum(counts[max(0, i - 1) : i + 2]) for i in range(_BINS)]
    fullest = max(near)
    # Multiples of the golden ratio fill an interval evenly, whatever their number.
    return [
        half_height * near[bins[i]] / fullest * (2 * ((i * _GOLDEN) % 1) - 1)
        for i in range(len(logs))
    ]
