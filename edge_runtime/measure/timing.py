"""Time a call: warm up until it is steady, then one sample a call until there are enough.

A sample becomes a loop of calls only where reading the clock and calling through the harness would
be more than ``OVERHEAD_SHARE`` of it.
"""

import gc
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

Clock = Callable[[], int]
"""Returns nanoseconds of a monotonic clock."""

WINDOW_CALLS = 5
WINDOW_S = 0.1
"""A window of the warm-up is so many calls and so long, at least: longer than a frequency governor
needs to react (ondemand looks every 10 ms or so)."""

WINDOWS_AGREE = 0.05
"""Two windows agree where their medians differ by no more: half of the spread from which pyperf
calls a benchmark unstable (10 %)."""

WARM_UP_MAX_S = 3.0
"""No warm-up begins a third window after so long: a device that throttles is never steady."""

OVERHEAD_SHARE = 0.01
"""What clock and harness may cost of a sample: 1 % is the smallest difference that a ratio with two
decimals shows."""

_OVERHEAD_CALLS = 1001


@dataclass(frozen=True)
class Enough:
    """When there are enough samples.

    Attributes:
        min_runs: at least so many.
        min_time_s: and at least so many seconds of them.
        max_time_s: but no more seconds than this, where one sample has been taken.
    """

    min_runs: int
    min_time_s: float
    max_time_s: float = math.inf

    def reached(self, count: int, elapsed_ns: int) -> bool:
        """Say whether so many samples, taken in so long, are enough."""
        if elapsed_ns >= self.max_time_s * 1e9 and count:
            return True
        return count >= self.min_runs and elapsed_ns >= self.min_time_s * 1e9


@dataclass(frozen=True)
class WarmUp:
    """What came before the samples.

    Attributes:
        durations_ns: of each call, in order.
        settled: whether the last two windows agree.
    """

    durations_ns: tuple[int, ...]
    settled: bool

    @property
    def call_ns(self) -> float:
        """How long a warm call takes: the median of the last window's calls, at least."""
        return median(self.durations_ns[-WINDOW_CALLS:])


def time_call(call: Callable[[], object], clock: Clock = time.perf_counter_ns) -> int:
    """Return how long one call takes, in ns."""
    started = clock()
    call()
    return clock() - started


def warm_up(call: Callable[[], object], clock: Clock = time.perf_counter_ns) -> WarmUp:
    """Call until the medians of two windows that follow each other agree, or time is up."""
    window = Enough(WINDOW_CALLS, WINDOW_S, WARM_UP_MAX_S / 2)
    started = clock()
    durations = _repeat(call, window, 1, clock)
    before, settled = median(durations), False
    while not settled:
        latest = _repeat(call, window, 1, clock)
        durations += latest
        now = median(latest)
        settled = abs(now - before) <= WINDOWS_AGREE * before
        before = now
        if clock() - started >= WARM_UP_MAX_S * 1e9:
            break
    return WarmUp(tuple(durations), settled)


def overhead_ns(call: Callable[[], object], clock: Clock = time.perf_counter_ns) -> int:
    """Return what a sample costs beyond its work: the median duration of a call that does none.

    Args:
        call: into a session of the null engine, the way a real one is called.
        clock: where the time comes from.
    """
    return round(median(_repeat(call, Enough(_OVERHEAD_CALLS, 0), 1, clock)))


def calls_per_sample(call_ns: float, overhead: float) -> int:
    """Return how many calls a sample takes, so that the overhead is at most its allowed share.

    Args:
        call_ns: how long a warm call takes.
        overhead: what a sample costs beyond its work, in ns.
    """
    return max(1, math.ceil(overhead / (OVERHEAD_SHARE * max(call_ns, 1))))


def samples(
    call: Callable[[], object],
    enough: Enough,
    *,
    calls: int = 1,
    clock: Clock = time.perf_counter_ns,
) -> tuple[int, ...]:
    """Time calls until there are enough samples; return the duration of each in ns, in order.

    Garbage is collected before and not during: a collection is not the model's cost.

    Args:
        call: what is measured.
        enough: when to stop.
        calls: so many calls are one sample.
        clock: where the time comes from.
    """
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        return tuple(_repeat(call, enough, calls, clock))
    finally:
        if was_enabled:
            gc.enable()


def _repeat(call: Callable[[], object], enough: Enough, calls: int, clock: Clock) -> list[int]:
    def loop() -> None:
        for _ in range(calls):
            call()

    work = call if calls == 1 else loop
    durations: list[int] = []
    started = clock()
    while not enough.reached(len(durations), clock() - started):
        durations.append(time_call(work, clock))
    return durations
