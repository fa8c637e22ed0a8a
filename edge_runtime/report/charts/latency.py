"""How the calls of each row are distributed: every sample, and the tail."""

from collections.abc import Sequence
from typing import Any

from edge_runtime.report.charts import axes, samples
from edge_runtime.report.charts.chart import (
    HOVER,
    OWN_COLOUR,
    Chart,
    Record,
    heads,
    layer,
    layers,
    pixel,
)
from edge_runtime.report.charts.runs import Run
from edge_runtime.report.charts.samples import Sample
from edge_runtime.results.rows import Row

_STEP = 44
_HALF = 13
_MIDDLE = 28
"""Of a row's band, in pixels below its top, where its name stands."""
_TAIL_HEIGHT = 260


def of(run: Run, runs: Sequence[Run]) -> list[Chart]:
    """Return the charts of a run, on the scale of all runs beside it."""
    if not run.ran:
        return []
    most = samples.most_of_each([row.sample_count for other in runs for row in other.ran])
    drawn = [(row, samples.of(row, most)) for row in run.ran]
    every = [call / 1e6 for other in runs for row in other.ran for call in _ends(row)]
    kept = {row.key for row in run.least.ran}
    longest = max(row.sample_count for other in runs for row in other.least.ran)
    last = 100 / min(longest, most)
    least = [(row, of_row) for row, of_row in drawn if row.key in kept]
    return [_points(run, drawn, every), _tail(run.least, least, every, last)]


def _ends(row: Row) -> tuple[float, float]:
    calls = row.calls_ns
    return min(calls), max(calls)


def _points(run: Run, drawn: list[tuple[Row, list[Sample]]], every: list[float]) -> Chart:
    height = _STEP * len(drawn)
    x, y = axes.of("x", "duration of a call, ms", every), pixel("y", height)
    records: list[Record] = []
    for i, (row, of_row) in enumerate(drawn):
        style = {**run.marks(row), "row": i}
        beside = samples.offsets([sample.call_ns for sample in of_row], _HALF)
        for sample, offset in zip(of_row, beside, strict=True):
            at = {"x": sample.call_ns / 1e6, "y": i * _STEP + _MIDDLE + offset}
            # A line of single points, each with a gap behind it: one path, however many there are.
            gap = {"x": at["x"], "y": None}
            records += [{**style, **at, "n": len(records)}, {**style, **gap, "n": len(records) + 1}]
    line = {"type": "line", "strokeCap": "round", "strokeWidth": 2.6, "opacity": 0.6}
    channels: dict[str, Any] = {"x": x, "y": y, "color": OWN_COLOUR, "detail": {"field": "row"}}
    channels |= {"order": {"field": "n", "type": "quantitative"}, "description": HOVER}
    spec = layers(
        height,
        layer("samples", records, line, **channels),
        _medians(drawn, x, y),
        *heads([(run.label(row), _figures(row)) for row, _ in drawn], _STEP, height),
    )
    kept = tuple(tuple(of_row) for _, of_row in drawn)
    words = "; ".join(f"{run.label(row)}: {_figures(row)}" for row, _ in drawn)
    return Chart("latency", "Every sample", words, _note(drawn), spec, kept)


def _medians(
    drawn: list[tuple[Row, list[Sample]]], x: dict[str, Any], y: dict[str, Any]
) -> dict[str, Any]:
    top = _MIDDLE - _HALF
    records = [
        {
            "x": (row.latency_ns(50) or 0) / 1e6,
            "y": i * _STEP + top,
            "y2": i * _STEP + top + 2 * _HALF,
        }
        for i, (row, _) in enumerate(drawn)
    ]
    rule = {"type": "rule", "strokeWidth": 2}
    return layer("ink", records, rule, x=x, y=y, y2={"field": "y2"})


def _figures(row: Row) -> str:
    parts = [(f"p{percent}", row.latency_ns(percent)) for percent in (50, 99)]
    return " · ".join(f"{name} {axes.ms(value)}" for name, value in parts if value is not None)


def _note(drawn: list[tuple[Row, list[Sample]]]) -> str:
    note = "A point is a sample, the bar is the median; the band is wider where there are more."
    thinned = [(row.sample_count, len(of_row)) for row, of_row in drawn]
    cut = [(count, kept) for count, kept in thinned if kept < count]
    if not cut:
        return f"{note} Every sample is drawn."
    count, kept = max(cut)
    return (
        f"{note} Drawn are up to {kept:,} of {count:,} samples of a row, at even ranks of their "
        "durations, the shortest and the longest among them; medians and percentiles are of all."
    )


def _tail(
    run: Run, drawn: list[tuple[Row, list[Sample]]], every: list[float], last: float
) -> Chart:
    records: list[Record] = []
    for i, (row, of_row) in enumerate(drawn):
        style = {**run.marks(row, _figures(row)), "row": i}
        count = len(of_row)
        for rank, sample in enumerate(of_row):
            share = {"x": sample.call_ns / 1e6, "y": 100 * (count - rank) / count}
            records.append({**style, **share})
    y = axes.of("y", "calls that take as long or longer, %", [100, last])
    line = {"type": "line", "interpolate": "step-before", "strokeWidth": 1.75}
    spec = layers(
        _TAIL_HEIGHT,
        layer(
            "tail",
            records,
            line,
            x=axes.of("x", "duration of a call, ms", every),
            y=y,
            color=OWN_COLOUR,
            detail={"field": "row"},
            description=HOVER,
        ),
    )
    note = "The share of calls that take at least so long: p99 is where a line crosses 1 %."
    if run.swept:
        note += " Each artifact at its fewest threads and smallest batch."
    return Chart("tail", "The tail", "The distribution of each artifact's calls.", note, spec)
