"""A row under a sustained load: its bins, in the order of time, and what they come to.

*Burst* is the throughput of the first seconds after the warm-up; *plateau* that of the last part of
the load, over which it falls no more. A load at a fixed rate *holds* it where hardly any frame is
late.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Annotated

from edge_runtime.documents.strict import Bounds, Count, Magnitude, Share
from edge_runtime.probes.thermal import HIGHEST_CELSIUS, LOWEST_CELSIUS
from edge_runtime.results.settings import LONGEST_S

Seconds = Annotated[float, Bounds(0, 2 * LONGEST_S)]
Latency = Annotated[float, Bounds(0, 2 * LONGEST_S * 1e9)]
Finite = Annotated[float, Bounds(0, 1e9)]
"""Watts, shares: numbers that may be added up."""

BURST_S = 10.0
"""The burst is of the bins that begin within so long, and of a fifth of all at most."""

LEAST_BINS = 10
"""With fewer bins neither a burst nor a plateau is named."""

TAIL_SHARE = 0.2
"""The last fifth of the bins says how fast the row is in the end."""

TOLERANCE = 0.05
"""Throughputs that differ by no more are the same: the limit of ``rules.CLOCK_SHARE`` and
``timing.WINDOWS_AGREE``. Where neighbouring bins differ by more than half of that, it is twice
their difference (the median of all neighbours)."""

LATE_SHARE = 0.01
"""A rate is held where no more frames are late. Source: the server scenario of MLPerf Inference's
LoadGen, which bounds the 99th percentile of the latency for vision models."""


@dataclass(frozen=True)
class Bin:
    """Some seconds of the load. Reading the machine between two bins is in neither's time.

    Attributes:
        start_s: since the load began, those readings left out.
        duration_s: from there to the end of its last call, or of its wait for the next bin.
        calls: that began in it.
        p50_ns: their median latency; None where there was no call. At a fixed rate a latency counts
            from the moment for which the call was scheduled.
        p95_ns: its 95th percentile; None where there are too few calls for it.
        missed: calls that ended more than one period after the moment for which they were scheduled
            (a period is from one scheduled call to the next); 0 where the load is not paced.
        frequency_hz: as the kernel says at its end.
        temperature_celsius: the higher one of its start and its end.
        watts: mean over it; None where there is no source.
        throttled: whether firmware, processor or a CPU quota slowed it; None where none tells.
        firmware_flags: what the firmware did (``throttle.Firmware``, the bits of now).
        cpu_throttle_events: by how much the processor's count of them rose.
        quota_throttle_events: periods in which a CPU quota made it wait.
        steal_share: share of the CPU time wanted that the hypervisor gave to other machines.
        wait_share: share of the time for which its threads waited for a CPU, runnable.
        fixed_work_ns: how long the fixed work (``probes.clock``) took right after it.
    """

    start_s: Seconds
    duration_s: Seconds
    calls: Count
    p50_ns: Latency | None = None
    p95_ns: Latency | None = None
    missed: Count = 0
    frequency_hz: Count | None = None
    temperature_celsius: Annotated[float, Bounds(LOWEST_CELSIUS, HIGHEST_CELSIUS)] | None = None
    watts: Finite | None = None
    throttled: bool | None = None
    firmware_flags: Count | None = None
    cpu_throttle_events: Count | None = None
    quota_throttle_events: Count | None = None
    steal_share: Share | None = None
    wait_share: Finite | None = None
    fixed_work_ns: Count | None = None

    def __post_init__(self) -> None:
        if self.duration_s < 1e-9:  # what no clock shows: a throughput would not be finite
            raise ValueError(f"duration_s is {self.duration_s}")
        if self.missed > self.calls:
            raise ValueError(f"{self.missed} of {self.calls} calls were late (missed)")

    @property
    def calls_per_s(self) -> float:
        """Its throughput."""
        return self.calls / self.duration_s

    @property
    def late_share(self) -> float:
        """The share of its calls that were late."""
        return self.missed / self.calls if self.calls else 0.0


@dataclass(frozen=True)
class Sustained:
    """A row's bins, or the reason why there are none.

    Attributes:
        fps: images a second that were asked for; None where the load was not paced.
        bins: in order.
        reason: why there are none.
        unserved: calls that were due and had not begun when the time was over: all are late.
    """

    fps: Magnitude | None = None
    bins: tuple[Bin, ...] = ()
    reason: str = ""
    unserved: Count = 0

    def __post_init__(self) -> None:
        if any(b.start_s <= a.start_s for a, b in pairwise(self.bins)):
            raise ValueError("bins are not in the order of time")


@dataclass(frozen=True)
class Stretch:
    """Bins that follow each other, taken together; at least one."""

    bins: tuple[Bin, ...]

    @property
    def start_s(self) -> float:
        """When it began."""
        return self.bins[0].start_s

    @property
    def duration_s(self) -> float:
        """How long it lasted."""
        return math.fsum(b.duration_s for b in self.bins)

    @property
    def calls(self) -> int:
        """How many calls began in it."""
        return sum(b.calls for b in self.bins)

    @property
    def missed(self) -> int:
        """How many of them were late."""
        return sum(b.missed for b in self.bins)

    @property
    def calls_per_s(self) -> float:
        """Its throughput."""
        return self.calls / self.duration_s

    def known(self, name: str) -> list[float]:
        """Return what is known of its bins, by the field's name."""
        return [value for b in self.bins if (value := getattr(b, name)) is not None]

    def middle(self, name: str) -> float | None:
        """Return the median of what is known of its bins."""
        return median(known) if (known := self.known(name)) else None

    def highest(self, name: str) -> float | None:
        """Return the highest of what is known of its bins."""
        return max(self.known(name), default=None)

    def mean(self, name: str) -> float | None:
        """Return the mean over its time; None where a bin's value is unknown."""
        if len(self.known(name)) < len(self.bins):
            return None
        return math.fsum(getattr(b, name) * b.duration_s for b in self.bins) / self.duration_s

    def events_per_s(self, name: str) -> float:
        """Return how often something happened, as far as it is known."""
        return sum(self.known(name)) / self.duration_s


@dataclass(frozen=True)
class Course:
    """How the throughput went.

    Attributes:
        burst: the first seconds.
        end: the plateau; where the throughput still fell at the end, the last fifth.
        steady: whether ``end`` is a plateau.
        fell_s: from when on a quarter of what is lost in the end was lost, and more than the
            tolerance; None where the throughput did not fall.
    """

    burst: Stretch
    end: Stretch
    steady: bool
    fell_s: float | None

    @property
    def lost_share(self) -> float:
        """Which share of the burst's throughput was lost in the end; below 0 where it rose."""
        return 1 - self.end.calls_per_s / self.burst.calls_per_s


def course(bins: Sequence[Bin]) -> Course | None:
    """Return how the throughput of a load without a pace went; None with fewer than ``LEAST_BINS``.

    The end's level is the median throughput of the last fifth of the bins. The plateau begins after
    the last bin before that fifth that is faster than this level, by more than the tolerance. Where
    within the fifth the first half is faster than the second, by more than the tolerance too,
    nothing is a plateau: the throughput is still falling. A bin is compared by the median of
    itself and its neighbours, so that one alone that stands out decides nothing.
    """
    count = len(bins)
    if count < LEAST_BINS or not all(b.calls for b in bins):
        return None
    speeds = [b.calls_per_s for b in bins]
    smooth = [median(speeds[max(0, i - 1) : i + 2]) for i in range(count)]
    allowed = max(TOLERANCE, 2 * _roughness(speeds))
    tail = max(4, math.ceil(TAIL_SHARE * count))
    level = median(speeds[-tail:])
    first = 1 + max(
        (i for i in range(count - tail) if _exceeds(smooth[i], level, allowed)), default=-1
    )
    steady = not _exceeds(
        median(speeds[-tail : -(tail // 2)]), median(speeds[-(tail // 2) :]), allowed
    )
    if not steady:
        first = count - tail
    early = [b for b in bins[: count // 5] if b.start_s - bins[0].start_s < BURST_S]
    burst, end = Stretch(tuple(early)), Stretch(tuple(bins[first:]))
    if not first or not _exceeds(burst.calls_per_s, end.calls_per_s, allowed):
        return Course(burst, end, steady, None)
    loss = burst.calls_per_s - end.calls_per_s
    limit = min(burst.calls_per_s / (1 + allowed), burst.calls_per_s - loss / 4)
    fast = max((i for i in range(first) if smooth[i] >= limit), default=0)
    return Course(burst, end, steady, bins[min(fast + 1, count - 1)].start_s)


def _exceeds(one: float, other: float, allowed: float) -> bool:
    return one > other * (1 + allowed)


def _roughness(speeds: Sequence[float]) -> float:
    """Return the median difference of two bins that follow each other, as a share."""
    return median(abs(b - a) / max(a, b) for a, b in pairwise(speeds))


@dataclass(frozen=True)
class Hold:
    """Whether a fixed rate was held; in calls.

    Attributes:
        holds: whether at most ``LATE_SHARE`` of the calls were late.
        late: how many were late, from ``failing`` on, or in all where the rate was held.
        due: of how many.
        before: the bins until it was held no more; None where there are none.
        failing: those from then on; None where it was held.
    """

    holds: bool
    late: int
    due: int
    before: Stretch | None
    failing: Stretch | None


def hold(sustained: Sustained) -> Hold | None:
    """Say whether the rate was held, and else from when on it was not.

    That is where the longest beginning ends that holds it; bins right before that moment in which
    more are late than may be belong to what follows.

    Returns:
        None where no rate was asked for, or nothing was measured.
    """
    bins, unserved = sustained.bins, sustained.unserved
    if sustained.fps is None or not bins:
        return None
    due = sum(b.calls for b in bins) + unserved
    late = sum(b.missed for b in bins) + unserved
    if late <= LATE_SHARE * due:
        return Hold(True, late, due, Stretch(bins), None)
    good = max(i for i in range(len(bins)) if _is_held(bins[:i]))
    while good and bins[good - 1].late_share > LATE_SHARE:
        good -= 1
    failing = Stretch(bins[good:])
    before = Stretch(bins[:good]) if good else None
    return Hold(False, failing.missed + unserved, failing.calls + unserved, before, failing)


def _is_held(bins: Sequence[Bin]) -> bool:
    return sum(b.missed for b in bins) <= LATE_SHARE * sum(b.calls for b in bins)


def condense(bins: Sequence[Bin], most: int) -> list[Stretch]:
    """Return the bins as so many stretches of about the same length, at most."""
    count = min(most, len(bins))
    edges = [i * len(bins) // count for i in range(count + 1)] if count else []
    return [Stretch(tuple(bins[a:b])) for a, b in pairwise(edges)]
