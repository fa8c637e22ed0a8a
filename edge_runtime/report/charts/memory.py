"""Memory by stage: what the process held before and after each step, and at its peak."""

from collections.abc import Sequence

from edge_runtime.report.charts import axes
from edge_runtime.report.charts.chart import Chart, Record, layers, lines, points
from edge_runtime.report.charts.labels import LINES, ends
from edge_runtime.report.charts.runs import Run
from edge_runtime.results.rows import Row
from edge_runtime.results.turns import Memory

_STAGES = ("start", "engine", "ready", "loaded", "first", "steady")
_PEAK = "peak"
_HEIGHT = 240


def of(run: Run, runs: Sequence[Run]) -> list[Chart]:
    """Return the chart of a run, on the scale of all runs beside it."""
    run, runs = run.least, [other.least for other in runs]
    records = [record for row in run.ran for record in _records(run, row)]
    if not records:
        return []
    every = [one["y"] for other in runs for row in other.ran for one in _records(other, row)]
    order = [*_STAGES, _PEAK]
    x = {
        "field": "x",
        "type": "ordinal",
        "sort": order,
        "scale": {"domain": order, "type": "point", "padding": 0.3, "range": LINES},
        "axis": {"title": "stage of the process", "labelAngle": 0},
    }
    y = axes.of("y", "resident memory, MB (1,048,576 bytes)", every, from_0=True)
    path = [record for record in records if record["x"] != _PEAK]
    last = [record for record in records if record["x"] == _PEAK] or path
    spec = layers(
        _HEIGHT,
        lines(path, x=x, y=y, order={"field": "n", "type": "quantitative"}),
        points(records, x=x, y=y),
        ends(last, y, _HEIGHT),
    )
    words = "; ".join(f"{one['label']}: at most {axes.figure(one['y'])} MB" for one in last)
    note = "Medians over the rounds. peak: the largest while loading and running."
    return [Chart("memory", "Memory by stage", words, note, spec)]


def _records(run: Run, row: Row) -> list[Record]:
    records: list[Record] = []
    for n, name in enumerate((*_STAGES, _PEAK)):
        size = row.middle(lambda turn, name=name: _bytes(turn.memory, name))  # type: ignore[misc]
        if size is not None:
            marks = run.marks(row, f"{name}: {axes.figure(size / 2**20)} MB")
            records.append({**marks, "x": name, "y": size / 2**20, "n": n})
    return records


def _bytes(memory: Memory, stage: str) -> int | None:
    if stage == _PEAK:
        return memory.peak_bytes
    held = getattr(memory, stage)
    return None if held is None else held.resident_bytes
