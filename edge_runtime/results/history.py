"""Many result documents in the order of their runs: a median for each row, and where it changed."""

import signal
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from edge_runtime.errors import BundleError, ToolkitError, UsageError
from edge_runtime.results import document, steps, verdict
from edge_runtime.results.rows import Results, Row
from edge_runtime.results.statistics import Estimate
from edge_runtime.results.verdict import Verdict

Key = tuple[str | int | None, ...]
"""What is the same row in another run, on the same machine."""

_MANY = 20
"""From this many files on, two processes read them: to start them costs what some files cost."""


@dataclass(frozen=True)
class Run:
    """One file, without its samples.

    Attributes:
        file: its name.
        started: when, in UTC, as ISO 8601.
        commit: of what was measured; empty if the file carries none.
        tool: what wrote it.
        verdict: on the run.
        p50_ns: the median call of each row that ran, by the row's key.
        lost_time: rows whose times are compared with none.
    """

    file: str
    started: str
    commit: str
    tool: str
    verdict: Verdict
    p50_ns: dict[Key, float]
    lost_time: frozenset[Key]

    @property
    def name(self) -> str:
        """The commit, or else the file's name."""
        return self.commit or self.file


@dataclass(frozen=True)
class Change:
    """A row's change of level.

    Attributes:
        row: what the row is called.
        before: the last run on the old level.
        first: the first run on the new one.
        ratio: how many times as long a call takes since.
    """

    row: str
    before: Run
    first: Run
    ratio: Estimate


@dataclass(frozen=True)
class History:
    """Runs in the order of their start.

    Attributes:
        runs: the files that could be read.
        labels: what each row is called, by its key, in the order of the files.
        changes: where rows changed their level, in the order of the runs.
        problems: why other files could not be read, a sentence each.
    """

    runs: tuple[Run, ...]
    labels: dict[Key, str]
    changes: tuple[Change, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class _Read:
    """What a history needs of one file: its run, and its rows without their turns."""

    run: Run
    rows: dict[Key, tuple[Row, Results]]


def read(paths: Sequence[Path]) -> History:
    """Read results files, one after the other.

    Args:
        paths: files, and folders of which every ``*.json`` is read.

    Raises:
        UsageError: there is no such file or folder, or a folder holds none.
        BundleError: no file could be read.
    """
    found = list(_each(_files(paths)))
    problems = tuple(one for one in found if isinstance(one, str))
    read = [one for one in found if isinstance(one, _Read)]
    if not read:
        raise BundleError("no file is a results file of `edge-bench --json`:", problems[0])
    runs = tuple(sorted((one.run for one in read), key=lambda run: (run.started, run.file)))
    labels = _labels({key: row for one in read for key, row in one.rows.items()})
    changes = sorted(_changes(runs, labels), key=lambda change: runs.index(change.first))
    return History(runs, labels, tuple(changes), problems)


def _each(files: Sequence[Path]) -> Iterator[_Read | str]:
    """Read files in their order, many of them in two processes; a problem is a sentence."""
    if len(files) < _MANY:
        yield from map(_read, files)
        return
    # Ctrl-C reaches the workers too, and this process is the one to end at it.
    quiet = (signal.SIGINT, signal.SIG_IGN)
    with ProcessPoolExecutor(2, get_context("spawn"), signal.signal, quiet) as pool:
        yield from pool.map(_read, files)


def _read(path: Path) -> _Read | str:
    try:
        results = document.read(path)
    except ToolkitError as error:
        return str(error)
    judged = verdict.judge(results)
    keys = _keys(results)
    ran = {key: row for key, row in zip(keys, results.rows, strict=True) if row.ran}
    medians = {key: row.latency_ns(50) for key, row in ran.items()}
    run = Run(
        file=path.name,
        started=results.started,
        commit=results.settings.commit,
        tool=results.tool,
        verdict=judged.run,
        p50_ns={key: p50_ns for key, p50_ns in medians.items() if p50_ns is not None},
        lost_time=frozenset(key for key, row in ran.items() if row.key in judged.lost_time),
    )
    bare = replace(results, rows=())
    rows = {
        key: (replace(row, turns=(), bundle=row.bundle if row.bundle in key else ""), bare)
        for key, row in ran.items()
    }
    return _Read(run, rows)


def _files(paths: Sequence[Path]) -> list[Path]:
    files: dict[Path, Path] = {}
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} does not exist.")
        found = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not found:
            raise UsageError(f"{path} holds no .json file.", "Give a folder of results files.")
        files.update((file.resolve(), file) for file in found)
    return list(files.values())


def _keys(results: Results) -> list[Key]:
    """Return each row's key: bundle and file are part of it only where a run has several of it."""
    host = results.host
    keys: list[Key] = []
    for row in results.rows:
        what = (row.model, row.format, row.engine, row.precision, row.batch_size, row.threads)
        keys.append((host.machine, host.cpu, host.cpus, *what, bool(row.knobs)))
    counted = Counter(keys)
    return [
        (*key, row.bundle, row.file) if counted[key] > 1 else key
        for key, row in zip(keys, results.rows, strict=True)
    ]


def _labels(rows: dict[Key, tuple[Row, Results]]) -> dict[Key, str]:
    """Return what each row is called: only what tells it from the others is said."""
    several = len({key[:3] for key in rows}) > 1
    kept: dict[Key, list[Row]] = defaultdict(list)
    for key, (row, _) in rows.items():
        kept[key[:3]].append(row)
    labels = {}
    for key, (row, results) in rows.items():
        label = replace(results, rows=tuple(kept[key[:3]])).label(row)
        machine = results.host.cpu or results.host.machine
        labels[key] = f"{label} on {machine}, {results.host.cpus} CPUs" if several else label
    return labels


def _changes(runs: Sequence[Run], labels: dict[Key, str]) -> Iterator[Change]:
    for key, label in labels.items():
        mine = [run for run in runs if key in run.p50_ns and key not in run.lost_time]
        for step in steps.find([run.p50_ns[key] for run in mine]):
            yield Change(label, mine[step.at - 1], mine[step.at], step.ratio)
