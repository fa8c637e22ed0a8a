"""One round's measurement of one row, by a process of its own: times, memory, the machine's state.

Every sample is kept in ns: statistics are computed from the samples, and never stored instead.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated

from edge_runtime.documents.strict import Bounds, Count, Positive
from edge_runtime.probes.memory import Stage
from edge_runtime.probes.state import State
from edge_runtime.results.settings import LONGEST_S
from edge_runtime.results.statistics import percentile

Duration = Annotated[int, Bounds(0, LONGEST_S * 10**9)]
Sample = Annotated[int, Bounds(1, LONGEST_S * 10**9)]
"""In ns; no run waits longer for anything."""


@dataclass(frozen=True)
class Memory:
    """What a measuring process held at each stage; None where it is unknown.

    Attributes:
        start: before the engine was imported.
        engine: with it.
        ready: before the model was loaded.
        loaded: with it.
        first: after the first call.
        steady: after the last one.
        before_load_bytes: what the peak is counted from: the bytes of the artifact's file, which
            were read to be hashed, are in it.
        peak_bytes: the largest resident set while loading and running: they are in it too.
        reason: why the last two are unknown, if they are.
    """

    start: Stage | None = None
    engine: Stage | None = None
    ready: Stage | None = None
    loaded: Stage | None = None
    first: Stage | None = None
    steady: Stage | None = None
    before_load_bytes: Count | None = None
    peak_bytes: Count | None = None
    reason: str | None = None

    @property
    def model_bytes(self) -> int | None:
        """What loading and running the model added at its peak, above what was there before."""
        if self.peak_bytes is None or self.before_load_bytes is None:
            return None
        return max(0, self.peak_bytes - self.before_load_bytes)

    @property
    def engine_bytes(self) -> int | None:
        """What importing the engine added."""
        after, before = (
            stage.resident_bytes if stage else None for stage in (self.engine, self.start)
        )
        return None if after is None or before is None else max(0, after - before)

    @property
    def whole_bytes(self) -> int | None:
        """The whole process at its end, shared pages divided among their sharers."""
        return self.steady.proportional_bytes if self.steady else None


@dataclass(frozen=True)
class Turn:
    """One round's measurement of one row.

    Attributes:
        round: counted from 1.
        load_ns: from the file's bytes to the loaded session.
        first_ns: the first call.
        warm_up_ns: the calls after it, until two windows agreed.
        settled: whether they did.
        calls_per_sample: 1, or more where a single call is too short for clock and harness.
        overhead_ns: what a sample costs beyond its calls, measured with the null engine.
        samples_ns: duration of each sample, in the order they were taken; none is dropped.
        memory: of the process.
        before, after: the machine's state around the samples.
    """

    round: Positive
    load_ns: Duration
    first_ns: Duration
    warm_up_ns: tuple[Duration, ...]
    settled: bool
    calls_per_sample: Positive
    overhead_ns: Duration
    samples_ns: tuple[Sample, ...]
    memory: Memory = field(default_factory=Memory)
    before: State = field(default_factory=State)
    after: State = field(default_factory=State)

    def __post_init__(self) -> None:
        if not self.samples_ns:
            raise ValueError("samples_ns is empty")
        # No clock shows a call of less than 1 ns; ratios of such would have no finite interval.
        if (shortest := self.ordered_ns[0]) < self.calls_per_sample:
            raise ValueError(f"samples_ns holds {shortest}, for {self.calls_per_sample} calls")

    @cached_property
    def median_ns(self) -> float:
        """The median duration of a call."""
        return percentile(self.ordered_ns, 50) / self.calls_per_sample

    @property
    def fastest_ns(self) -> float:
        """The shortest duration of a call."""
        return self.ordered_ns[0] / self.calls_per_sample

    @cached_property
    def ordered_ns(self) -> list[int]:
        """The samples from the shortest to the longest: sorted once for all percentiles."""
        return sorted(self.samples_ns)
