"""A sustained load: one call after the other, or at a fixed rate, for minutes, in bins.

The machine is read between two bins, while the load's clock stands still: no reading is in a bin's
time, and no call is late because of one.
"""

import gc
import math
import time
from array import array
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from typing import Any, Protocol

from edge_runtime.measure.pacing import Calls, LoadClock
from edge_runtime.measure.timing import Clock
from edge_runtime.probes import clock as processor
from edge_runtime.probes import state
from edge_runtime.probes.state import NEAREST, State
from edge_runtime.results import changes
from edge_runtime.results.statistics import samples_needed
from edge_runtime.results.sustained import Bin, Sustained

MOST_BINS = 100
LEAST_BIN_S = 1.0
FEWEST_BINS = 10
"""Bins are as long as their p95 needs, if so many are left."""


@dataclass(frozen=True)
class Load:
    """What is asked for.

    Attributes:
        seconds: how long.
        fps: images a second; 0 where a call follows the other.
    """

    seconds: float
    fps: float = 0


class Meter(Protocol):
    """What was used within a block: ``probes.energy.Sampler``."""

    @property
    def joules(self) -> float | None:
        """The energy; None where too little was read."""

    @property
    def duration_ns(self) -> int:
        """Over how long."""


class Probes(Protocol):
    """Reads the machine around each bin."""

    def open(self) -> State:
        """Return the state before the first call of a bin."""

    def close(self) -> State:
        """Return the state after its last one."""


class Machine:
    """This machine: the counters alone before a bin, every probe after it."""

    def __init__(self) -> None:
        self._last = state.values(state.read(), processor.fixed_work_ns())

    def open(self) -> State:
        """Return the counters as they are now, and all else as it was after the last bin."""
        nearest = state.read_nearest()
        return replace(self._last, **{name: getattr(nearest, name) for name in NEAREST})

    def close(self) -> State:
        """Read every probe."""
        readings = state.read(closing=True)
        self._last = state.values(readings, processor.fixed_work_ns())
        return self._last


@dataclass(frozen=True)
class _Run:
    """What the bins of a run share."""

    calls: Calls
    now: LoadClock
    threads: int
    probes: Probes
    meter: Callable[[], AbstractContextManager[Meter]] | None

    def bin(self, edge_ns: float) -> Bin:
        """Call until a moment, with the machine read before and after."""
        with ExitStack() as stack:
            with self.now.stopped():
                energy = stack.enter_context(self.meter()) if self.meter else None
                before = self.probes.open()
            started_ns = self.now()
            latencies = self.calls.until(edge_ns)
            duration_ns = self.now() - started_ns
            with self.now.stopped():
                span = _Span(before, self.probes.close())
                p50_ns, p95_ns = percentiles_ns(latencies)
                stack.close()
                gc.collect()
                return Bin(
                    start_s=started_ns / 1e9,
                    duration_s=duration_ns / 1e9,
                    calls=len(latencies),
                    p50_ns=p50_ns,
                    p95_ns=p95_ns,
                    missed=self.calls.late(latencies),
                    watts=_watts(energy),
                    **_readings(span, self.threads),
                )


def measure(
    call: Callable[[], object],
    load: Load,
    *,
    call_ns: float,
    batch_size: int = 1,
    threads: int = 1,
    meter: Callable[[], AbstractContextManager[Meter]] | None = None,
    probes: Probes | None = None,
    clock: Clock = time.perf_counter_ns,
    sleep: Callable[[float], object] = time.sleep,
) -> Sustained:
    """Keep a warm model under load.

    Garbage is collected between bins alone.

    Args:
        call: runs it once.
        load: how long, and how fast.
        call_ns: how long a warm call takes, about.
        batch_size: images a call.
        threads: of the engine.
        meter: begins to measure energy, where there is a source.
        probes: read the machine between the bins; by default this machine.
        clock: in ns.
        sleep: waits for some seconds.
    """
    period_ns = batch_size * 1e9 / load.fps if load.fps else 0.0
    probes = probes or Machine()
    edges = edges_ns(load.seconds, period_ns or call_ns)
    gc.collect()
    gc.disable()
    try:
        now = LoadClock(clock, sleep)
        calls = Calls(call, now, period_ns)
        run = _Run(calls, now, threads, probes, meter)
        # A call may take longer than a bin: no bin begins after its end.
        bins = tuple(run.bin(edge) for edge in edges if now() < edge)
    finally:
        gc.enable()
    return Sustained(load.fps or None, bins, unserved=calls.unserved(edges[-1]))


def edges_ns(seconds: float, call_ns: float) -> list[float]:
    """Return where bins end, in ns from the start of the load: all of one length.

    There are at most ``MOST_BINS``, of ``LEAST_BIN_S`` or more; and they are as long as it takes to
    have the calls that a 95th percentile needs, where that leaves ``FEWEST_BINS`` of them.

    Args:
        seconds: how long the load is.
        call_ns: from one call to the next.
    """
    for_p95_s = samples_needed(95) * call_ns / 1e9
    bin_s = max(LEAST_BIN_S, seconds / MOST_BINS, min(for_p95_s, seconds / FEWEST_BINS))
    # Rounded down, but for what floating point makes of a whole number.
    count = max(1, math.floor(seconds / bin_s * (1 + 1e-9)))
    return [seconds * 1e9 * (i + 1) / count for i in range(count)]


def percentiles_ns(latencies: "array[int]") -> tuple[float | None, float | None]:
    """Return the median and, of enough calls, the 95th percentile: nearest rank, as everywhere.

    There may be millions: numpy has them in a fraction of the time that sorting takes, in which the
    processor would cool.
    """
    import numpy as np

    count = len(latencies)
    if not count:
        return None, None
    p50, p95 = np.percentile(np.array(latencies), [50, 95], method="inverted_cdf").tolist()
    return p50, p95 if count >= samples_needed(95) else None


@dataclass(frozen=True)
class _Span:
    """The machine's states around a bin: ``changes.Timed``."""

    before: State
    after: State


def _readings(span: _Span, threads: int) -> dict[str, Any]:
    """Return what the probes tell of a bin, by its fields' names."""
    flags = None if span.after.firmware_flags is None else int(changes.firmware(span))
    cpu, quota = (_rise(span, name) for name in ("cpu_throttle_events", "quota_throttle_events"))
    signs = [sign for sign in (flags, cpu, quota) if sign is not None]
    return {
        "frequency_hz": span.after.frequency_hz,
        "temperature_celsius": changes.temperature_celsius(span),
        "throttled": any(signs) if signs else None,
        "firmware_flags": flags,
        "cpu_throttle_events": cpu,
        "quota_throttle_events": quota,
        "steal_share": changes.steal_share([span]),
        "wait_share": changes.wait_share([span], threads),
        "fixed_work_ns": span.after.fixed_work_ns,
    }


def _rise(span: _Span, name: str) -> int | None:
    """Return by how much a counter rose; None where it is unknown, or was set back."""
    rise = changes.change(span, name)
    return rise if rise is None or rise >= 0 else None


def _watts(energy: Meter | None) -> float | None:
    joules = energy.joules if energy else None
    if energy is None or joules is None or joules < 0 or not energy.duration_ns:
        return None
    return joules / (energy.duration_ns / 1e9)
