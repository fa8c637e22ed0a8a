"""What was measured, as it was measured: a run has rows, and a row has turns (``turns.py``)."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from statistics import median
from typing import Any

from edge_runtime import __version__
from edge_runtime.documents import strict
from edge_runtime.documents.strict import Count, Positive
from edge_runtime.probes import Reading
from edge_runtime.probes.host import Host
from edge_runtime.probes.state import State
from edge_runtime.results.accuracy import Accuracy
from edge_runtime.results.energy import Energy
from edge_runtime.results.profile import Profile
from edge_runtime.results.settings import Settings
from edge_runtime.results.statistics import Estimate, paired_ratio, supported_percentile
from edge_runtime.results.sustained import Sustained
from edge_runtime.results.turns import Turn

Key = tuple[str, str, str, int, int, str]
"""What tells a row from the others of its run."""


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
        knobs: the engine's settings, where they are not its defaults: the row is a tuned one.
        details: how the engine ran it, as far as it says: names and values.
        turns: what was measured, a round each.
        accuracy: what it answered before it was timed; None where it did not answer.
        overridden: gates that it failed when it was exported, from the manifest.
        energy: what an inference takes; None where it was not measured.
        profile: what its operators take; None where that was not asked for, or not yet measured.
        sustained: how it went under a sustained load; None where that was not measured.
    """

    bundle: str
    model: str
    file: str
    format: str
    engine: str
    precision: str
    target: str
    size_bytes: Count
    sha256: str
    batch_size: Positive
    threads: Positive
    status: Status
    message: str = ""
    engine_version: str = ""
    knobs: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    turns: tuple[Turn, ...] = ()
    accuracy: Accuracy | None = None
    overridden: tuple[str, ...] = ()
    energy: Energy | None = None
    profile: Profile | None = None
    sustained: Sustained | None = None

    def __post_init__(self) -> None:
        for number, turn in enumerate(self.turns, 1):
            if turn.round != number:
                raise ValueError(f"turns[{number - 1}].round is {turn.round}, not {number}")

    @property
    def key(self) -> Key:
        """What tells it from the other rows of its run."""
        knobs = ", ".join(f"{name} {value}" for name, value in sorted(self.knobs.items()))
        return self.bundle, self.file, self.engine, self.batch_size, self.threads, knobs

    @property
    def outcome(self) -> str:
        """How it ended, and what to do about it, where it did not end well."""
        # What a damaged file says names the file, and that it is corrupt.
        return self.message if self.status is Status.CORRUPT else f"{self.status}: {self.message}"

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
        return tuple(self._calls_ns())

    def _calls_ns(self, *, ordered: bool = False) -> list[float]:
        """Return the duration of a call in each sample; those of a turn ordered, to sort faster."""
        calls: list[float] = []
        for turn in self.turns:
            samples = turn.ordered_ns if ordered else turn.samples_ns
            count = turn.calls_per_sample
            calls += samples if count == 1 else [sample / count for sample in samples]
        return calls

    @property
    def sample_count(self) -> int:
        """How many samples all turns have together."""
        return sum(len(turn.samples_ns) for turn in self.turns)

    def latency_ns(self, percent: float) -> float | None:
        """Return a percentile of the calls, or None where the samples do not support it."""
        if not self.ran or (percent > 50 and not self.single_calls):
            return None
        return supported_percentile(self._calls_ns(ordered=True), percent)

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

    def extras_left(self, settings: Settings) -> list[str]:
        """Return what else was asked of it and is not measured yet: names of its fields."""
        asked = settings.extras if self.status.goes_on else ()
        return [name for name in asked if getattr(self, name) is None]

    def speed_against(self, other: "Row") -> Estimate | None:
        """Return how many times as fast as another row this one is, paired by round.

        The unit is the round: a ratio of the medians of two turns. None where fewer than 2 rounds
        have both.
        """
        pairs = self.turns_beside(other)
        if len(pairs) < 2:
            return None
        theirs, own = zip(*pairs, strict=True)
        return paired_ratio([turn.median_ns for turn in theirs], [turn.median_ns for turn in own])

    def turns_beside(self, other: "Row") -> list[tuple[Turn, Turn]]:
        """Return another row's turn and this one's, of each round that has both."""
        own = {turn.round: turn for turn in self.turns}
        theirs = {turn.round: turn for turn in other.turns}
        return [(theirs[r], own[r]) for r in sorted(own.keys() & theirs.keys())]


@dataclass(frozen=True)
class States:
    """The machine's state around a whole run: each probe's value and source, by its name."""

    before: dict[str, Reading[Any]] = field(default_factory=dict)
    after: dict[str, Reading[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for when, readings in (("before", self.before), ("after", self.after)):
            values = {name: reading.value for name, reading in readings.items()}
            strict.build(State, values, when)  # a probe's value is of its own kind


@dataclass(frozen=True)
class Results:
    """A run: how it was set, where it ran, and what each artifact came to.

    Attributes:
        settings: how it was measured.
        host: what machine it was.
        rows: in the order of the plan.
        state: of the machine, before and after the run.
        started: when, in UTC, as ISO 8601.
        tool: what wrote it.
    """

    settings: Settings
    host: Host
    rows: tuple[Row, ...]
    state: States = field(default_factory=States)
    started: str = ""
    tool: str = f"edge-bench {__version__}"

    def artifact_label(self, row: Row) -> str:
        """Return what a row's artifact is called beside the others of its bundle.

        The engine is named only where several run the same file.
        """
        label = f"{row.format} {row.precision}"
        same_file = {other.engine for other in self.rows if other.key[:2] == row.key[:2]}
        label = f"{label} on {row.engine}" if len(same_file) > 1 else label
        return f"{label}, tuned" if row.knobs else label

    def label(self, row: Row) -> str:
        """Return what a row is called among the others: only what tells them apart is said."""
        parts = [self.artifact_label(row)]
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
        """Whether nothing is left to measure."""
        extras = any(row.extras_left(self.settings) for row in self.rows)
        return self.rounds_done >= self.settings.rounds and not extras

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
