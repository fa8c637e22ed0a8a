"""The clock of a load, which can be made to stand still, and calls by it, paced or not.

At a fixed rate call k is due at k periods after the start, whatever became of those before it, and
its latency counts from there: a call that had to wait for a slow one is as slow as its user sees
it, and none is left out (G. Tene: coordinated omission). Waiting is sleeping, as a program with a
camera does: spinning would keep the processor hot, and the clock high. How late the sleep wakes is
in the latency.
"""

import math
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edge_runtime.measure.timing import Clock


class LoadClock:
    """The time of the load, in ns from its start; it can be made to stand still.

    Args:
        clock: in ns.
        sleep: waits for some seconds.
    """

    def __init__(self, clock: Clock, sleep: Callable[[float], object]) -> None:
        self._clock, self._sleep = clock, sleep
        self._left_out_ns = clock()

    def __call__(self) -> int:
        """Return the time now."""
        return self._clock() - self._left_out_ns

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stand still within a block."""
        began = self._clock()
        yield
        self._left_out_ns += self._clock() - began

    def wait_until(self, moment_ns: float) -> None:
        """Sleep until a moment of this clock, if that is still to come."""
        while (left := moment_ns - self()) > 0:
            self._sleep(left / 1e9)


class Calls:
    """Calls, one after the other or at a fixed rate.

    Args:
        call: into the engine.
        now: the load's clock.
        period_ns: from one scheduled call to the next; 0 where none is scheduled.
    """

    def __init__(self, call: Callable[[], object], now: LoadClock, period_ns: float) -> None:
        self._call, self._now, self._period_ns = call, now, period_ns
        self._begun = 0

    def until(self, edge_ns: float) -> "array[int]":
        """Call until a moment; return the latencies in ns of the calls that began before it."""
        return self._paced(edge_ns) if self._period_ns else self._unpaced(edge_ns)

    def unserved(self, end_ns: float) -> int:
        """Return how many calls were due before a moment and have not begun."""
        if not self._period_ns:
            return 0
        return max(0, math.ceil(end_ns / self._period_ns) - self._begun)

    def late(self, latencies: "array[int]") -> int:
        """Return how many calls were not over when the next one was due."""
        return sum(ns > self._period_ns for ns in latencies) if self._period_ns else 0

    def _unpaced(self, edge_ns: float) -> "array[int]":
        call, now, latencies = self._call, self._now, array("q")
        started = now()
        while started < edge_ns:
            call()
            ended = now()
            latencies.append(ended - started)
            started = ended
        return latencies

    def _paced(self, edge_ns: float) -> "array[int]":
        call, now, latencies = self._call, self._now, array("q")
        while now() < edge_ns:
            due_ns = round(self._begun * self._period_ns)
            now.wait_until(min(due_ns, edge_ns))
            if due_ns >= edge_ns:
                break
            self._begun += 1
            call()
            latencies.append(now() - due_ns)
        return latencies
