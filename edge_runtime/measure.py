"""Time a call, one sample a call, until there are enough samples and enough time has passed."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], int]
"""Returns nanoseconds of a monotonic clock."""

WARM_UP_CALLS = 5
WARM_UP_S = 0.2


@dataclass(frozen=True)
class Steady:
    """What was measured once the call was warm.

    Attributes:
        samples_ns: duration of each call, in the order they were made; none is dropped.
        warm_up_ns: durations of the calls before them.
    """

    samples_ns: tuple[int, ...]
    warm_up_ns: tuple[int, ...]


def timed(call: Callable[[], object], clock: Clock = time.perf_counter_ns) -> int:
    """Return how long one call takes, in ns."""
    started = clock()
    call()
    return clock() - started


def steady(
    call: Callable[[], object],
    *,
    min_runs: int,
    min_time_s: float,
    clock: Clock = time.perf_counter_ns,
) -> Steady:
    """Warm up, then time single calls until both minima are reached.

    Garbage is collected before and not during: a collection is not the model's cost.

    Args:
        call: what is measured.
        min_runs: at least so many samples.
        min_time_s: and at least so many seconds of them.
        clock: where the time comes from.
    """
    warm_up = _repeat(call, WARM_UP_CALLS, round(WARM_UP_S * 1e9), clock)
    found = samples(call, min_runs=min_runs, min_time_s=min_time_s, clock=clock)
    return Steady(found, tuple(warm_up))


def samples(
    call: Callable[[], object],
    *,
    min_runs: int,
    min_time_s: float,
    clock: Clock = time.perf_counter_ns,
) -> tuple[int, ...]:
    """Time single calls until both minima are reached; see ``steady``."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        return tuple(_repeat(call, min_runs, round(min_time_s * 1e9), clock))
    finally:
        if was_enabled:
            gc.enable()


def _repeat(call: Callable[[], object], runs: int, duration_ns: int, clock: Clock) -> list[int]:
    samples: list[int] = []
    started = clock()
    while len(samples) < runs or clock() - started < duration_ns:
        samples.append(timed(call, clock))
    return samples
