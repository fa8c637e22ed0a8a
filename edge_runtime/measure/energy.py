"""What a call takes, in joules: idle, load, idle, load, ..., idle, each window with its samples."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

from edge_runtime.documents.strict import Magnitude, Positive
from edge_runtime.probes.energy.sampler import Sampler
from edge_runtime.probes.energy.source import Source
from edge_runtime.results.energy import LEAST_COVERAGE, Energy, Window


@dataclass(frozen=True)
class Windows:
    """How it is measured.

    Attributes:
        count: so many windows under load, and an idle one more.
        window_s: how long each is, at least.
        settling_s: how long load or idleness goes on before its window begins: power and sensors
            take a moment to follow.
    """

    count: Positive = 3
    window_s: Magnitude = 10.0
    settling_s: Magnitude = 0.5

    @property
    def takes_s(self) -> float:
        """How long all of them take, in seconds."""
        return (2 * self.count + 1) * (self.window_s + self.settling_s)


def measure(call: Callable[[], object], source: Source, windows: Windows) -> Energy:
    """Return what a call takes beyond what the machine takes without.

    Args:
        call: what is measured, warmed up.
        source: what is read meanwhile.
        windows: how many and how long.
    """
    samplers = [_idle(source, windows)]
    loads = []
    for _ in range(windows.count):
        calls, loaded = _load(call, source, windows)
        loads.append((calls, loaded))
        samplers += [loaded, _idle(source, windows)]
    idle_w = [_watts(sampler) for sampler in samplers[::2]]
    measured = tuple(
        Window(
            calls,
            loaded.duration_ns,
            _not_negative(loaded.joules),
            before,
            after,
            loaded.read,
            loaded.coverage,
        )
        for (calls, loaded), (before, after) in zip(loads, pairwise(idle_w), strict=True)
    )
    seconds = sum(sampler.duration_ns for sampler in samplers) / 1e9
    reads = sum(max(0, sampler.read - 1) for sampler in samplers)
    rate_hz = reads / seconds if seconds else 0.0
    energy = Energy(source.name, source.covers, rate_hz, measured)
    if energy.mj_per_inference(1) is not None:
        return energy
    return replace(energy, reason=_why_unknown(samplers))


def _load(call: Callable[[], object], source: Source, windows: Windows) -> tuple[int, Sampler]:
    """Call again and again; return how often within the window, and its samples."""
    _repeat(call, windows.settling_s)
    with Sampler(source) as sampler:
        calls = _repeat(call, windows.window_s)
    return calls, sampler


def _repeat(call: Callable[[], object], seconds: float) -> int:
    end, calls = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        call()
        calls += 1
    return calls


def _idle(source: Source, windows: Windows) -> Sampler:
    time.sleep(windows.settling_s)
    with Sampler(source) as sampler:
        time.sleep(windows.window_s)
    return sampler


def _watts(idle: Sampler) -> float | None:
    """Return the mean power of an idle window; None where it is not known well enough."""
    if idle.joules is None or idle.coverage < LEAST_COVERAGE or not idle.duration_ns:
        return None
    return _not_negative(idle.joules / (idle.duration_ns / 1e9))


def _not_negative(value: float | None) -> float | None:
    """Return the value, or None where it is below 0: no machine takes less than nothing."""
    return None if value is None or value < 0 else value


def _why_unknown(samplers: list[Sampler]) -> str:
    """Return why the windows give no figure, and what may help."""
    problems = {sampler.problem for sampler in samplers if sampler.problem}
    if problems:
        return f"the source failed while it was read: {'; '.join(sorted(problems))}"
    covered = min(sampler.coverage for sampler in samplers)
    if all(sampler.joules is not None for sampler in samplers) and covered < LEAST_COVERAGE:
        return (
            f"the source was read too seldom: samples cover {100 * covered:.0f} % of a window, "
            f"{100 * LEAST_COVERAGE:.0f} % are needed: leave a CPU free for that (--threads)"
        )
    return "the source could not be read during the windows: see edge-bench doctor"
