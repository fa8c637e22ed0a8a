"""Compare result documents row by row with the first of them.

Rounds of different runs are no pairs: they were not measured at the same moment. So the interval is
Welch's, and knows of the spread within each run, not of what changed between them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_runtime.errors import UsageError
from edge_runtime.results import document, verdict
from edge_runtime.results.rows import Key, Results, Row
from edge_runtime.results.statistics import Estimate, unpaired_ratio
from edge_runtime.results.verdict import Judgement, Verdict

_HOST = ("machine", "cpu", "cpus", "pointer_bits")
"""What makes a machine another one; a new kernel or Python is a change worth comparing."""
_SAME_MEMORY = 0.05
"""Memory may differ by so much: it is what the kernel leaves over, and no two leave the same."""
_NOTED = ("kernel", "libc", "python")


@dataclass(frozen=True)
class Run:
    """One file of the comparison."""

    name: str
    results: Results
    judged: Judgement

    @property
    def verdict(self) -> Verdict:
        """The verdict on the run."""
        return self.judged.run


@dataclass(frozen=True)
class Pair:
    """A row of a later file beside the same row of the first.

    Attributes:
        label: what both are called.
        run: the later file's position.
        before, after: the rows.
        speed: how many times as fast the later one is; None where a row lost time, or a run has
            fewer than 2 rounds.
    """

    label: str
    run: int
    before: Row
    after: Row
    speed: Estimate | None


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Attributes:
        runs: the files, the first being what the others are compared with.
        pairs: rows that are in both.
        notes: what to know before quoting it.
    """

    runs: tuple[Run, ...]
    pairs: tuple[Pair, ...]
    notes: tuple[str, ...]


def of(files: Sequence[Path], allowed: frozenset[str] = frozenset()) -> Comparison:
    """Read files and compare them.

    Args:
        files: results files, at least 2.
        allowed: what may differ: ``host``, ``cpus``, ``threads``, ``batch-size``, ``model``.

    Raises:
        BundleError: a file is no results file.
        UsageError: there is only one, something else differs, or no row is in both.
    """
    if len(files) < 2:
        raise UsageError("compare needs two result files or more: edge-bench compare A.json B.json")
    runs = tuple(_read(name, file) for name, file in zip(short_names(files), files, strict=True))
    for run in runs[1:]:
        _refuse_differences(runs[0], run, allowed)
    pairs = tuple(pair for n in range(1, len(runs)) for pair in _pairs(runs, n, allowed))
    for n, run in enumerate(runs[1:], 1):
        if not any(pair.run == n for pair in pairs):
            raise UsageError(f"no row of {runs[0].name} that ran is in {run.name}.")
    return Comparison(runs, pairs, tuple(_notes(runs, pairs)))


def short_names(files: Sequence[Path]) -> list[str]:
    """Return what files are called beside each other: with their folders only where they must."""
    names = [file.name for file in files]
    return names if len(set(names)) == len(names) else [str(file) for file in files]


def _read(name: str, file: Path) -> Run:
    results = document.read(file)
    return Run(name, results, verdict.judge(results))


def _refuse_differences(first: Run, other: Run, allowed: frozenset[str]) -> None:
    differences = _differences(first.results, other.results)
    if refused := [(kind, text) for kind, text in differences if kind not in allowed]:
        named = "; ".join(f"{kind}: {text}" for kind, text in refused)
        options = " ".join(dict.fromkeys(f"--allow {kind}" for kind, _ in refused))
        raise UsageError(
            f"{first.name} and {other.name} differ in {named}.",
            f"Give {options} to compare them anyway.",
        )


def _differences(first: Results, other: Results) -> Iterator[tuple[str, str]]:
    for name in _HOST:
        here, there = getattr(first.host, name), getattr(other.host, name)
        if here != there:
            yield "host", f"{name} {here} and {there}"
    sizes = [results.host.memory_bytes for results in (first, other)]
    known = [size for size in sizes if size is not None]
    if len(known) == 2 and max(known) - min(known) > _SAME_MEMORY * max(known):
        yield "host", f"memory_bytes {known[0]} and {known[1]}"
    for kind, name in (("cpus", "cpus"), ("threads", "threads"), ("batch-size", "batch_sizes")):
        here, there = getattr(first.settings, name), getattr(other.settings, name)
        if here != there:
            yield kind, f"{_listed(here)} and {_listed(there)}"
    here, there = ({row.model for row in results.rows} for results in (first, other))
    if here != there:
        yield "model", f"{_listed(sorted(here))} and {_listed(sorted(there))}"


def _pairs(runs: tuple[Run, ...], number: int, allowed: frozenset[str]) -> Iterator[Pair]:
    first, later = runs[0].results, runs[number].results
    for row in later.rows:
        before = _partner(row, first, allowed) if row.ran else None
        if before is None:
            continue
        labels = dict.fromkeys((first.label(before), later.label(row)))
        lost = before.key in runs[0].judged.lost_time or row.key in runs[number].judged.lost_time
        speed = None if lost else _speed(before, row)
        yield Pair(" → ".join(labels), number, before, row, speed)


def _speed(before: Row, after: Row) -> Estimate | None:
    medians = [[turn.median_ns for turn in row.turns] for row in (before, after)]
    return unpaired_ratio(*medians) if min(map(len, medians)) >= 2 else None


def _partner(row: Row, first: Results, allowed: frozenset[str]) -> Row | None:
    """Return the row of the first run that a later one is compared with, if there is one.

    Raises:
        UsageError: several could be meant.
    """
    held = ["format", "engine", "precision"]
    may_differ = ["bundle", "target"]
    for kind, name in (("model", "model"), ("batch-size", "batch_size"), ("threads", "threads")):
        (may_differ if kind in allowed else held).append(name)
    partners = [other for other in first.rows if other.ran and _same(row, other, held)]
    for name in may_differ:  # the nearest of those that are left
        partners = [other for other in partners if _same(row, other, [name])] or partners
    if len(partners) > 1:
        labels = ", ".join(f"{other.bundle} {first.label(other)}" for other in partners)
        raise UsageError(
            f"{row.bundle} {row.format} {row.precision} could be compared with {labels}.",
            "Compare files of one bundle and of the same settings.",
        )
    return partners[0] if partners else None


def _same(row: Row, other: Row, names: list[str]) -> bool:
    return all(getattr(row, name) == getattr(other, name) for name in names)


def _notes(runs: tuple[Run, ...], pairs: tuple[Pair, ...]) -> Iterator[str]:
    first = runs[0].results
    yield (
        "speed: ratio of the geometric means of the rounds' medians; brackets hold its 95 % "
        "interval (Welch). The runs were made at different times: what changed between them "
        "(temperature, other programs) is not in the interval. To tell a small difference, measure "
        "both bundles in one run: edge-bench BEFORE AFTER --budget slower=5%."
    )
    for run in runs:
        if run.verdict.reasons:
            yield f"{run.name} is {run.verdict.grade.name}: {run.verdict.reasons[0]}"
        for line in run.judged.no_ratio:
            yield f"{run.name}: speed is not shown: {line}."
    for n, run in enumerate(runs[1:], 1):
        mine = [pair for pair in pairs if pair.run == n]
        yield from _alone(runs[0], run, {pair.before.key for pair in mine})
        yield from _alone(run, runs[0], {pair.after.key for pair in mine})
        for kind, text in _differences(first, run.results):
            yield f"{run.name} differs in {kind}: {text}."
        if versions := _versions(first, run.results):
            yield f"{run.name} differs in {'; '.join(versions)}."


def _alone(one: Run, other: Run, compared: set[Key]) -> Iterator[str]:
    """Name the rows of one run that were compared with none of another's."""
    rows = [row for row in one.results.rows if row.ran and row.key not in compared]
    if rows:
        labels = ", ".join(one.results.label(row) for row in rows)
        yield f"{one.name}: not compared with {other.name}: {labels}."


def _versions(first: Results, other: Results) -> list[str]:
    pairs = {name: (getattr(first.host, name), getattr(other.host, name)) for name in _NOTED}
    versions = [f"{name} {one} and {two}" for name, (one, two) in pairs.items() if one != two]
    engines = sorted(_engines(first) ^ _engines(other))
    return [*versions, f"engines {', '.join(engines)}"] if engines else versions


def _engines(results: Results) -> set[str]:
    return {f"{row.engine} {row.engine_version}" for row in results.rows if row.ran}


def _listed(values: Any) -> str:
    return ", ".join(map(str, values)) or "none"
