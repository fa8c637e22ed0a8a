"""What more threads and larger batches do: throughput against each."""

from collections.abc import Callable, Sequence

from edge_runtime.report.charts import axes
from edge_runtime.report.charts.chart import OWN_COLOUR, Chart, Record, layer, layers, lines, points
from edge_runtime.report.charts.labels import LINES, ends
from edge_runtime.report.charts.runs import Run, artifact
from edge_runtime.results.rows import Row

_HEIGHT = 260
_Count = Callable[[Row], int]


def of(run: Run, runs: Sequence[Run]) -> list[Chart]:
    """Return the charts of a run, on the scales of all runs beside it."""
    charts = (
        _chart(run, runs, "threads", lambda row: row.threads, lambda row: row.batch_size),
        _chart(run, runs, "batch", lambda row: row.batch_size, lambda row: row.threads),
    )
    return [chart for chart in charts if chart]


def _chart(run: Run, runs: Sequence[Run], name: str, varied: _Count, held: _Count) -> Chart | None:
    """Return throughput against one setting, at the least of the other."""
    rows = _rows(run, varied, held)
    if len({varied(row) for row in rows}) < 2:
        return None
    others = [row for other in runs for row in _rows(other, varied, held)]
    counts = sorted({varied(row) for row in others})
    title = "threads" if name == "threads" else "batch size, images a call"
    x = {
        "field": "x",
        "type": "quantitative",
        "scale": {"type": "log", "base": 2, "domain": [counts[0], counts[-1]], "range": LINES},
        "axis": {"title": title, "values": counts, "format": "d"},
    }
    y = axes.of("y", "images/s", [row.images_per_s or 0 for row in others])
    records: list[Record] = [
        {
            **run.marks(row, f"{row.images_per_s or 0:,.1f} images/s"),
            "path": "/".join(map(str, artifact(row))),
            "label": run.results.artifact_label(row),
            "x": varied(row),
            "y": row.images_per_s,
        }
        for row in sorted(rows, key=varied)
    ]
    last = {record["path"]: record for record in records}
    ideal = _ideal(records, y["scale"]["domain"][1]) if name == "threads" else []
    dashed = {"type": "line", "strokeDash": [2, 3], "strokeWidth": 1, "opacity": 0.6}
    spec = layers(
        _HEIGHT,
        layer(
            "ideal",
            ideal,
            {**dashed, "aria": False},
            x=x,
            y=y,
            color=OWN_COLOUR,
            detail={"field": "path"},
        ),
        lines(records, "path", x=x, y=y),
        points(records, x=x, y=y),
        ends([*last.values()], y, _HEIGHT),
    )
    fixed = f"{'Batch' if name == 'threads' else 'Threads'}: {held(rows[0])}."
    note = f"{fixed} Dotted: twice the work with twice the threads." if ideal else fixed
    words = "; ".join(f"{r['label']}: {r['y']:,.0f} images/s at {r['x']}" for r in last.values())
    return Chart(f"scaling-{name}", f"Throughput against {name}", words, note, spec)


def _rows(run: Run, varied: _Count, held: _Count) -> list[Row]:
    """Return the rows at the least of the setting that is held, in artifacts that were varied."""
    least = min((held(row) for row in run.ran), default=1)
    at_least = [row for row in run.ran if held(row) == least]
    settings: dict[object, set[int]] = {}
    for row in at_least:
        settings.setdefault(artifact(row), set()).add(varied(row))
    return [row for row in at_least if len(settings[artifact(row)]) > 1]


def _ideal(records: Sequence[Record], top: float) -> list[Record]:
    """Return, for each line, what it would be if twice the threads did twice the work."""
    first: dict[str, Record] = {}
    for record in records:
        first.setdefault(record["path"], record)
    ideal = []
    for record in records:
        base = first[record["path"]]
        height = base["y"] * record["x"] / base["x"]
        if height <= top:
            ideal.append({**record, "y": height})
    return ideal
