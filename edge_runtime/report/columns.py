"""What a table shows: columns computed from samples, and the notes that say how to read them."""

from collections.abc import Callable
from dataclasses import dataclass

from edge_runtime.results import Results, Row
from edge_runtime.stats import (
    Estimate,
    percentile,
    proportion,
    samples_needed,
    supported_percentile,
)

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

    def name_cells(self, row: Row) -> list[str]:
        """Return the cells that name a row, in the order of ``names``."""
        cells = {
            "model": row.model,
            "engine": row.engine,
            "format": row.format,
            "precision": row.precision,
        }
        return [cells[name] for name in self.names]


def view(results: Results) -> View:
    """Compute the columns, title and notes for a result document."""
    baseline = reference(results)
    models = sorted({row.model for row in results.rows})
    names = ("engine", "format", "precision")
    settings = results.settings
    against = _label(baseline) if baseline else "FP32 (none ran)"
    return View(
        title=f"{', '.join(models)} on {results.host.get('cpu') or results.host.get('machine')}, "
        f"batch {settings.batch_size}, {_count(settings.threads, 'thread')}",
        names=("model", *names) if len(models) > 1 else names,
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
            Column(f"speed vs {against}", 2, lambda row: _speed(row, baseline)),
        ),
        rows=results.rows,
        notes=_notes(results),
    )


def reference(results: Results) -> Row | None:
    """Return the row that ratios are taken against: TorchScript FP32, else the first FP32 row."""
    fp32 = [row for row in results.rows if row.ran and row.precision == "fp32"]
    return next((row for row in fp32 if row.format == "torchscript"), fp32[0] if fp32 else None)


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


def _speed(row: Row, baseline: Row | None) -> float | None:
    if baseline is None or not row.ran:
        return None
    return percentile(baseline.samples_ns, 50) / percentile(row.samples_ns, 50)


def _notes(results: Results) -> tuple[str, ...]:
    ran = [row for row in results.rows if row.ran]
    if not ran:
        return ()
    notes = []
    if accuracies := [row.accuracy for row in ran if row.accuracy]:
        images = accuracies[0]["images"]
        widest = max((proportion(a["right"], a["images"]) for a in accuracies), key=_width)
        notes.append(
            f"top-1: on {_count(images, 'golden test image')}; 95 % interval up to "
            f"±{50 * _width(widest):.1f} points."
        )
    fewest, most = min(len(r.samples_ns) for r in ran), max(len(r.samples_ns) for r in ran)
    samples = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    notes.append(f"latency: {samples} single calls a row, none dropped; speed is a ratio of p50.")
    if fewest < samples_needed(99):
        notes.append(
            f"{UNKNOWN}: p90 is shown from {samples_needed(90)} calls, p99 from "
            f"{samples_needed(99)} (--min-runs)."
        )
    unknown = next((row.memory["reason"] for row in ran if row.peak_bytes is None), None)
    notes.append(
        f"memory: {UNKNOWN}, {unknown}."
        if unknown
        else "memory: peak while loading and running, above the engine's import-only baseline "
        f"({_baselines(ran)}); MB = 1,048,576 bytes."
    )
    return tuple(notes)


def _width(estimate: Estimate) -> float:
    return estimate.high - estimate.low


def _baselines(rows: list[Row]) -> str:
    largest: dict[str, int] = {}
    for row in rows:
        size = row.memory.get("import_only_bytes") or 0
        largest[row.engine] = max(size, largest.get(row.engine, 0))
    return ", ".join(f"{name} {size / 2**20:.0f} MB" for name, size in sorted(largest.items()))
