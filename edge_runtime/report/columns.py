"""What a table shows: columns computed from samples, and the notes that say how to read them."""

from collections.abc import Callable
from dataclasses import dataclass

from edge_runtime.results import Results, Row, Status
from edge_runtime.stats import (
    Estimate,
    percentile,
    proportion,
    samples_needed,
    supported_percentile,
)
from edge_runtime.target import ANY

UNKNOWN = "–"


@dataclass(frozen=True)
class Column:
    """One column: its heading with unit, and a row's value in that unit, None where unknown."""

    heading: str
    digits: int
    value: Callable[[Row], float | None]

    def cell(self, row: Row) -> str:
        """Return the text for a row."""
        value = self.value(row)
        return UNKNOWN if value is None else f"{value:,.{self.digits}f}"


@dataclass(frozen=True)
class View:
    """A result document ready to be drawn."""

    title: str
    names: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    @property
    def headings(self) -> list[str]:
        """The heading of each column, those that name a row first."""
        return [*self.names, *(column.heading for column in self.columns)]

    def cells(self, row: Row) -> list[str]:
        """Return a row's cells; one that did not end well says so beside its precision."""
        fine = row.status is Status.OK
        named = {"precision": row.precision if fine else f"{row.precision} ({row.status})"}
        names = [named.get(name, getattr(row, name)) for name in self.names]
        return names + [column.cell(row) for column in self.columns]

    @property
    def problems(self) -> list[tuple[str, str]]:
        """File and message of each row that did not end well."""
        return [(row.file, row.message) for row in self.rows if row.status is not Status.OK]


def view(results: Results) -> View:
    """Compute the columns, title and notes for a result document."""
    baselines = references(results)
    models = sorted({row.model for row in results.rows})
    names = ["engine", "format", "precision"]
    for name in ("model", "bundle"):
        if len({getattr(row, name) for row in results.rows}) > 1:
            names.insert(0, name)
    settings = results.settings
    return View(
        title=f"{', '.join(models)} on {results.host.get('cpu') or results.host.get('machine')}, "
        f"batch {settings.batch_size}, {_count(settings.threads, 'thread')}",
        names=tuple(names),
        columns=(
            Column("size KB", 1, lambda row: row.size_bytes / 1024),
            Column("top-1 %", 1, _top1),
            Column("load ms", 1, lambda row: row.load_ns / 1e6 if row.ran else None),
            Column("first ms", 2, lambda row: row.first_ns / 1e6 if row.ran else None),
            Column("p50 ms", 3, lambda row: _latency(row, 50)),
            Column("p90 ms", 3, lambda row: _latency(row, 90)),
            Column("p99 ms", 3, lambda row: _latency(row, 99)),
            Column("images/s", 1, lambda row: _throughput(row, settings.batch_size)),
            Column("memory MB", 1, lambda row: _mega(row.peak_bytes)),
            Column(f"speed vs {_against(baselines)}", 2, lambda row: _speed(row, baselines)),
        ),
        rows=results.rows,
        notes=_notes(results),
    )


References = dict[tuple[str, str], Row]


def references(results: Results) -> References:
    """Return the row that ratios are taken against, for each bundle and model.

    TorchScript FP32, else the first FP32 row; only a row that computes what it should.
    """
    found: References = {}
    for row in results.rows:
        if row.status is not Status.OK or not row.ran or row.precision != "fp32":
            continue
        key = (row.bundle, row.model)
        if key not in found or _is_preferred(row) > _is_preferred(found[key]):
            found[key] = row
    return found


def _is_preferred(row: Row) -> bool:
    return row.format == "torchscript"


def _against(baselines: References) -> str:
    labels = {_label(row) for row in baselines.values()}
    if not labels:
        return "FP32 (none ran)"
    return labels.pop() if len(labels) == 1 else "the bundle's own fp32"


def _label(row: Row) -> str:
    return f"{row.format} {row.precision}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _top1(row: Row) -> float | None:
    return 100 * row.accuracy["right"] / row.accuracy["images"] if row.accuracy else None


def _latency(row: Row, percent: float) -> float | None:
    if not row.ran:
        return None
    nanoseconds = supported_percentile(row.samples_ns, percent)
    return None if nanoseconds is None else nanoseconds / 1e6


def _throughput(row: Row, batch_size: int) -> float | None:
    return batch_size * len(row.samples_ns) / (sum(row.samples_ns) / 1e9) if row.ran else None


def _mega(size: int | None) -> float | None:
    return None if size is None else size / 2**20


def _speed(row: Row, baselines: References) -> float | None:
    baseline = baselines.get((row.bundle, row.model))
    if baseline is None or not row.ran:
        return None
    return percentile(baseline.samples_ns, 50) / percentile(row.samples_ns, 50)


def _notes(results: Results) -> tuple[str, ...]:
    ran = [row for row in results.rows if row.ran]
    if not ran:
        return ()
    notes = []
    if accuracies := [row.accuracy for row in ran if row.accuracy]:
        counts = _range([a["images"] for a in accuracies])
        widest = max(_width(proportion(a["right"], a["images"])) for a in accuracies)
        notes.append(
            f"top-1: on {counts} golden test images; 95 % interval up to ±{50 * widest:.1f} points."
        )
    calls = [len(row.samples_ns) for row in ran]
    batch = results.settings.batch_size
    each = "single calls" if batch == 1 else f"calls of {batch} images"
    notes.append(f"latency: {_range(calls)} {each} a row, none dropped; speed is a ratio of p50.")
    if min(calls) < samples_needed(99):
        notes.append(
            f"{UNKNOWN}: p90 is shown from {samples_needed(90)} calls, p99 from "
            f"{samples_needed(99)} (--min-runs)."
        )
    return (*notes, *_memory_notes(ran), *_target_notes(results), *_gate_notes(results))


def _target_notes(results: Results) -> list[str]:
    """Say which rows were made for another CPU; a document that does not name its own says none."""
    here = results.host.get("target")
    elsewhere = {row.target for row in results.rows} - {ANY, here}
    return [
        f"target: the rows made for {target} ran on {here}; their speed and answers are another "
        f"CPU's. Export with --target {here}."
        for target in sorted(elsewhere)
        if here
    ]


def _gate_notes(results: Results) -> list[str]:
    """Say which rows were shipped although the exporter found them wanting."""
    return [
        f"{row.file}: failed the exporter's {' and '.join(row.overridden)} gate and was shipped by "
        "--force."
        for row in results.rows
        if row.overridden
    ]


def _memory_notes(rows: list[Row]) -> list[str]:
    known = [row for row in rows if row.peak_bytes is not None]
    notes = []
    if known:
        notes.append(
            "memory: peak while loading and running, above the engine's import-only baseline "
            f"({_baselines(known)}); MB = 1,048,576 bytes."
        )
    reasons = {row.memory.get("reason") or "not recorded" for row in rows if row not in known}
    return notes + [f"memory: {UNKNOWN}, {reason}." for reason in sorted(reasons)]


def _range(numbers: list[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _width(estimate: Estimate) -> float:
    return estimate.high - estimate.low


def _baselines(rows: list[Row]) -> str:
    largest: dict[str, int] = {}
    for row in rows:
        size = row.memory.get("import_only_bytes") or 0
        largest[row.engine] = max(size, largest.get(row.engine, 0))
    return ", ".join(f"{name} {size / 2**20:.0f} MB" for name, size in sorted(largest.items()))
