"""The same artifact in several files: boards, or runs one after the other, side by side."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from edge_runtime.printable import one_line
from edge_runtime.report.charts import axes
from edge_runtime.report.charts.chart import OWN_COLOUR, Chart, Record, layer, layers, lines, points
from edge_runtime.report.charts.labels import LINES, ends
from edge_runtime.report.charts.runs import Run
from edge_runtime.results.rows import Row
from edge_runtime.results.statistics import percentile

_HEIGHT = 320
_NAMED = 12
"""So many files are named below the axis; more are numbered."""
_LYING = 3
"""Of so many the names have room beside each other."""
_PARTS = {"model": "of", "bundle": "in", "batch_size": "batch", "threads": "threads"}
"""What is said of a row where it differs in the files, and the word before it."""


def of(runs: Sequence[Run]) -> list[Chart]:
    """Return the chart of all files; none where there is one."""
    few = len(runs) <= _NAMED
    records = _records(runs, few=few)
    if len(runs) < 2 or not records:
        return []
    axis: dict[str, Any] = {"title": "file" if few else "file, in the order of the command line"}
    room = {"range": LINES, "padding": 0.4}
    x: dict[str, Any] = {"field": "x", "axis": {"grid": False, "format": "d", **axis}}
    if few:
        order = [run.name for run in runs]
        x |= {"type": "nominal", "sort": order, "scale": {"domain": order, "type": "point", **room}}
        upright = {"labelAngle": -90, "labelLimit": 130}
        lying = {"labelAngle": 0, "labelLimit": LINES[1] / len(runs) - 6}
        x["axis"] = {**axis, **(lying if len(runs) <= _LYING else upright)}
    else:
        ends_at = {"domain": [1, len(runs)], "range": LINES, "nice": False}
        x |= {"type": "quantitative", "scale": ends_at}
    every = [value for record in records for value in (record["low"], record["high"])]
    y = axes.of("y", "duration of a call, ms", every)
    last = {record["path"]: record for record in records}
    bar = {"type": "rule", "strokeWidth": 1, "opacity": 0.45}
    spans = {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": OWN_COLOUR}
    order_of = {"field": "n", "type": "quantitative"}
    spec = layers(
        _HEIGHT,
        layer("spans", records, bar, **spans) if few else {},
        lines(records, "path", x=x, y=y, order=order_of),
        points(records, x=x, y=y, **({} if few else {"size": {"value": 16}})),
        ends([*last.values()], y, _HEIGHT),
    )
    words = f"The median latency of {len(last)} artifacts in {len(runs)} files."
    note = (
        "Points are medians, joined where it is the same artifact at the same settings, its least."
    )
    note += " Bars reach from the 5th to the 95th percentile." if few else ""
    return [Chart("files", "Latency of each artifact in each file", words, note, spec)]


def _records(runs: Sequence[Run], *, few: bool) -> list[Record]:
    rows = [(n, run, row) for n, run in enumerate(runs, 1) for row in run.least.ran]
    varied = [name for name in _PARTS if len({getattr(row, name) for _, _, row in rows}) > 1]
    if not any(_twice(run) for run in runs):  # a bundle's folder may have another name elsewhere
        varied = [name for name in varied if name != "bundle"]
    engines: dict[tuple[str, str], set[str]] = defaultdict(set)
    for _, _, row in rows:
        engines[row.format, row.precision].add(row.engine)
    records: list[Record] = []
    for n, run, row in rows:
        p50, p5, p95 = (percentile(row.calls_ns, percent) for percent in (50, 5, 95))
        figures = f"{run.name}: p50 {axes.ms(p50)}, p5 to p95 {axes.ms(p5)} to {axes.ms(p95)}"
        several = len(engines[row.format, row.precision]) > 1
        label = _label(row, varied, several)
        marks = {**run.marks(row, figures), "label": label, "path": label}
        at = {"x": run.name if few else n, "n": n, "y": p50 / 1e6}
        records.append({**marks, **at, "low": p5 / 1e6, "high": p95 / 1e6})
    return records


def _twice(run: Run) -> bool:
    """Whether two rows of a file differ in nothing but their bundle."""
    kinds = [(r.model, r.format, r.precision, r.engine, str(r.knobs)) for r in run.least.ran]
    return len(set(kinds)) < len(kinds)


def _label(row: Row, varied: Sequence[str], several_engines: bool) -> str:
    """Return what a row is called in all files: the folder of its bundle may differ by board."""
    parts = [f"{row.format} {row.precision}"]
    parts += [f"on {row.engine}"] if several_engines else []
    parts += ["tuned"] if row.knobs else []
    parts += [f"{word} {getattr(row, name)}" for name, word in _PARTS.items() if name in varied]
    return one_line(" ".join(parts), 64)
