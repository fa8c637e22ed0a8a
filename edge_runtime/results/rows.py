"""What was measured, as it was measured: a run has rows, a row has turns, a turn has samples.

Every sample is kept in ns. Statistics are computed from the samples when a table is drawn, and
never stored instead of them. ``results_file.py`` reads and writes the document.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from statistics import median
from typing import Any

from edge_runtime import __version__
from edge_runtime.results.settings import Settings
from edge_runtime.results.statistics import Estimate, paired_ratio, percentile, supported_percentile


class Status(StrEnum):
    """How a row ended."""

    OK = "ok"
    ENGINE_MISSING = "engine-missing"
    CORRUPT = "corrupt"
    FAILED = "failed"
    MISMATCHED = "mismatched"
    CRASHED = "crashed"
    TIMED_OUT = "timed-out"

    @property
    def goes_on(self) -> bool:
        """Whether a row takes part in further rounds: a mismatched one is timed all the same."""
        return self in (Status.OK, Status.MISMATCHED)


@dataclass(frozen=True)
class Turn:
    """One round's measurement of one row, by a process of its own.

    Attributes:
        round: counted from 1.
        load_ns: from file to loaded session.
        first_ns: the first call.
        warm_up_ns: the calls after it, until two windows agreed.
        settled: whether they did.
        calls_per_sample: 1, or more where a single call is too short for clock and harness.
        overhead_ns: what a sample costs beyond its calls, measured with the null engine.
        samples_ns: duration of each sample, in the order they were taken; none is dropped.
        memory: bytes at each stage, as ``probes.memory.stage`` reads them, or the reason for none.
        before, after: the machine's state around the samples, as ``probes.state`` reads it, with
            ``fixed_work_ns``.
    """

    round: int
    load_ns: int
    first_ns: int
    warm_up_ns: tuple[int, ...]
    settled: bool
    calls_per_sample: int
    overhead_ns: int
    samples_ns: tuple[int, ...]
    memory: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def median_ns(self) -> float:
        """The median duration of a call."""
        return percentile(self.samples_ns, 50) / self.calls_per_sample

    @property
    def model_bytes(self) -> int | None:
        """What loading and running the model added at its peak, above what was there before."""
        peak, before = self.memory.get("peak_bytes"), self.memory.get("before_load_bytes")
        return None if peak is None or before is None else max(0, peak - before)

    @property
    def engine_bytes(self) -> int | None:
        """What importing the engine added."""
        after, before = self._resident("engine"), self._resident("start")
        return None if after is None or before is None else max(0, after - before)

    def _resident(self, stage: str) -> int | None:
        size = (self.memory.get(stage) or {}).get("resident_bytes")
        return size if isinstance(size, int) else None


@dataclass(frozen=True)
class Row:
    """One artifact's result at one batch size and thread count.

    Attributes:
        bundle: the bundle folder's name.
        model, file, format, engine, precision, target, size_bytes, sha256: from the manifest.
        batch_size: images a call.
        threads: threads the engine was allowed.
        status: how it ended.
        message: what happened and what to do, where it did not end well.
        engine_version: of the engine that ran it.
        turns: what was measured, a round each.
        accuracy: over the golden images: how many are classified rightly (``right``), and
            ``parity.Parity`` with the FP32 logits of the exporting machine; ``exported`` compares
            with what this very artifact answered there, ``data`` counts over other images.
        overridden: gates that it failed when it was exported, from the manifest.
    """

    bundle: str
    model: str
    file: str
    format: str
    engine: str
    precision: str
    target: str
    size_bytes: int
    sha256: str
    batch_size: int
    threads: int
    status: Status
    message: str = ""
    engine_version: str = ""
    turns: tuple[Turn, ...] = ()
    accuracy: dict[str, Any] = field(default_factory=dict)
    overridden: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What it is called beside the other rows of its bundle."""
        return f"{self.format} {self.precision}"

    @property
    def ran(self) -> bool:
        """Whether there are samples to show."""
        return len(self.turns) > 0

    @property
    def single_calls(self) -> bool:
        """Whether every sample is one call, so that a percentile says something of calls."""
        return all(turn.calls_per_sample == 1 for turn in self.turns)

    @property
    def calls_ns(self) -> tuple[float, ...]:
        """The duration of a call in each sample, all turns together."""
        return tuple(s / turn.calls_per_sample for turn in self.turns for s in turn.samples_ns)

    @property
    def sample_count(self) -> int:
        """How many samples all turns have together."""
        return sum(len(turn.samples_ns) for turn in self.turns)

    def latency_ns(self, percent: float) -> float | None:
        """Return a percentile of the calls, or None where the samples do not support it."""
        if not self.ran or (percent > 50 and not self.single_calls):
            return None
        return supported_percentile(self.calls_ns, percent)

    @property
    def images_per_s(self) -> float | None:
        """Throughput of the timed calls."""
        if not self.ran:
            return None
        calls = self.calls_ns
        return self.batch_size * len(calls) / (sum(calls) / 1e9)

    def middle(self, of_turn: Callable[[Turn], float | None]) -> float | None:
        """Return the median over the turns of what is known of each; None where nothing is."""
        known = [value for turn in self.turns if (value := of_turn(turn)) is not None]
        return median(known) if known else None

    def speed_against(self, other: "Row") -> Estimate | None:
        """Return how many times as fast as another row this one is, paired by round.

        The unit is the round: a ratio of the medians of two turns. None where fewer than 2 rounds
        have both.
        """
        own = {turn.round: turn.median_ns for turn in self.turns}
        theirs = {turn.round: turn.median_ns for turn in other.turns}
        shared = sorted(own.keys() & theirs.keys())
        if len(shared) < 2:
            return None
        return paired_ratio([theirs[r] for r in shared], [own[r] for r in shared])


@dataclass(frozen=True)
class Results:
    """A run: how it was set, where it ran, and what each artifact came to.

    Attributes:
        settings: how it was measured.
        host: what machine it was, as ``host.describe`` says it.
        rows: in the order of the plan.
        state: the machine ``before`` and ``after`` the run, as ``probes.state.described`` has it.
        started: when, in UTC, as ISO 8601.
        tool: what wrote it.
    """

    settings: Settings
    host: dict[str, Any]
    rows: tuple[Row, ...]
    state: dict[str, Any] = field(default_factory=dict)
    started: str = ""
    tool: str = f"edge-bench {__version__}"

    def label(self, row: Row) -> str:
        """Return what a row is called among the others: only what tells them apart is said."""
        parts = [row.label]
        for name in ("model", "bundle"):
            if len({getattr(other, name) for other in self.rows}) > 1:
                parts.insert(0, getattr(row, name))
        if len({other.batch_size for other in self.rows}) > 1:
            parts.append(f"batch {row.batch_size}")
        if len({other.threads for other in self.rows}) > 1:
            parts.append(f"{row.threads} thread{'' if row.threads == 1 else 's'}")
        return " ".join(parts)

    @property
    def rounds_done(self) -> int:
        """How many rounds every row that still takes part has behind it."""
        going = [row for row in self.rows if row.status.goes_on]
        return min((len(row.turns) for row in going), default=self.settings.rounds)

    @property
    def finished(self) -> bool:
        """Whether no round is left to measure."""
        return self.rounds_done >= self.settings.rounds

    def whole_rounds(self) -> "Results":
        """Return the results as they were before the round that was not finished.

        A row that came to its end in that round takes part again.
        """
        done = self.rounds_done
        unfinished = done < self.settings.rounds
        rows = []
        for row in self.rows:
            again = unfinished and not row.status.goes_on and len(row.turns) == done
            ended = {"status": Status.OK, "message": ""} if again else {}
            rows.append(replace(row, turns=row.turns[:done], **ended))  # type: ignore[arg-type]
        return replace(self, rows=tuple(rows))

    @property
    def exit_code(self) -> int:
        """0 where all rows ran or only lack their engine; 1 otherwise, or where none ran."""
        fine = all(row.status in (Status.OK, Status.ENGINE_MISSING) for row in self.rows)
        return 0 if fine and any(row.ran for row in self.rows) else 1
