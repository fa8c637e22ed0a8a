"""Accuracy, size and latency against each other, with the frontier: what nothing else beats."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from edge_runtime.report.charts import axes
from edge_runtime.report.charts.chart import (
    OWN_COLOUR,
    WIDTH,
    Chart,
    Record,
    layer,
    layers,
    points,
)
from edge_runtime.report.charts.labels import apart
from edge_runtime.report.charts.runs import Run
from edge_runtime.results.rows import Row, Status
from edge_runtime.results.statistics import Estimate, proportion

_HEIGHT = 240


@dataclass(frozen=True)
class _Quantity:
    """What a row is judged by.

    Attributes:
        name: what charts call it.
        title: of its axis.
        unit: of its values.
        estimate: of a row, with its interval where it has one; None where it is unknown.
        less: whether less of it is better.
    """

    name: str
    title: str
    unit: str
    estimate: Callable[[Row], Estimate | None]
    less: bool = True

    def of(self, row: Row) -> float:
        """Return the value of a row that has one."""
        known = self.estimate(row)
        return known.value if known else 0.0

    def span(self, row: Row) -> tuple[float, float]:
        """Return the ends of the interval; both are the value where there is none."""
        known = self.estimate(row)
        return (known.low, known.high) if known else (0.0, 0.0)

    def shown(self, row: Row) -> str:
        """Return the value as text."""
        low, high = self.span(row)
        interval = f" [{axes.figure(low)}, {axes.figure(high)}]" if low < high else ""
        return f"{self.name} {axes.figure(self.of(row))}{interval} {self.unit}"


def _exact(value: float | None) -> Estimate | None:
    return None if value is None else Estimate(value, value, value)


def _latency(row: Row) -> Estimate | None:
    median = row.latency_ns(50)
    return _exact(None if median is None else median / 1e6)


def _top1(row: Row) -> Estimate | None:
    counts = row.accuracy.counts if row.accuracy else None
    return proportion(counts.right, counts.images).scaled(100) if counts else None


LATENCY = _Quantity("latency", "median of a call, ms", "ms", _latency)
SIZE = _Quantity("size", "size of the file, KB", "KB", lambda row: _exact(row.size_bytes / 1024))
ACCURACY = _Quantity("accuracy", "top-1 accuracy, %", "%", _top1, less=False)
_PAIRS = ((LATENCY, ACCURACY), (SIZE, ACCURACY), (LATENCY, SIZE))


def of(run: Run, runs: Sequence[Run]) -> list[Chart]:
    """Return the charts of a run, on the scales of all runs beside it."""
    beside = [other.least for other in runs]
    charts = (_chart(run.least, beside, across, up) for across, up in _PAIRS)
    return [chart for chart in charts if chart]


def frontier(places: Sequence[tuple[float, float]]) -> list[int]:
    """Return which places no other one beats in both: less is better in each.

    Args:
        places: across and up.

    Returns:
        Positions, from the least across on.
    """
    kept: list[int] = []
    for i in sorted(range(len(places)), key=lambda i: places[i]):
        if not kept or places[i][1] < places[kept[-1]][1]:
            kept.append(i)
    return kept


def _chart(run: Run, runs: Sequence[Run], across: _Quantity, up: _Quantity) -> Chart | None:
    rows = _known(run, across, up)
    if len(rows) < 2:
        return None
    others = [row for other in runs for row in _known(other, across, up)]
    x = axes.of("x", across.title, [across.of(row) for row in others])
    y = axes.of("y", up.title, [value for row in others for value in up.span(row)])
    records: list[Record] = [
        {
            **run.marks(row, across.shown(row), up.shown(row)),
            "x": across.of(row),
            "y": up.of(row),
            **dict(zip(("low", "high"), up.span(row), strict=True)),
        }
        for row in rows
    ]
    best = [records[i] for i in _best(rows, across, up)]
    step = {"type": "line", "interpolate": "step-after", "strokeDash": [4, 3], "aria": False}
    order = {"field": "n", "type": "quantitative"}
    bar = {"type": "rule", "strokeWidth": 1.25, "opacity": 0.5}
    spec = layers(
        _HEIGHT,
        layer(
            "dim",
            _edge(best, x, y, up),
            {**step, "strokeWidth": 1.25, "color": "#8a8f98"},
            x=x,
            y=y,
            order=order,
        ),
        _intervals(records, bar, x, y),
        points(records, x=x, y=y),
        *_names(best, x, y),
    )
    words = f"On the frontier: {', '.join(record['label'] for record in best)}."
    title = f"{up.name.capitalize()} against {across.name}"
    return Chart(f"{up.name}-{across.name}", title, words, _note(run, up), spec)


def _known(run: Run, across: _Quantity, up: _Quantity) -> list[Row]:
    """Return the rows that have a place in the chart."""
    return [row for row in run.ran if across.estimate(row) and up.estimate(row)]


def _best(rows: Sequence[Row], across: _Quantity, up: _Quantity) -> list[int]:
    """Return which rows are on the frontier; those that compute something else are on none."""
    sound = [i for i, row in enumerate(rows) if row.status is Status.OK]
    sign = 1 if up.less else -1
    return [
        sound[i] for i in frontier([(across.of(rows[j]), sign * up.of(rows[j])) for j in sound])
    ]


def _edge(best: list[Record], x: dict[str, Any], y: dict[str, Any], up: _Quantity) -> list[Record]:
    """Return the corners of the frontier, from one edge of the chart to another."""
    if not best:
        return []
    worst = y["scale"]["domain"][1 if up.less else 0]
    first, last = {"x": best[0]["x"], "y": worst}, {**best[-1], "x": x["scale"]["domain"][1]}
    corners = [{"x": one["x"], "y": one["y"]} for one in (first, *best, last)]
    return [{**corner, "n": n} for n, corner in enumerate(corners)]


def _intervals(
    records: list[Record], bar: dict[str, Any], x: dict[str, Any], y: dict[str, Any]
) -> dict[str, Any]:
    wide = [record for record in records if record["low"] < record["high"]]
    places = {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}
    return layer("intervals", wide, bar, color=OWN_COLOUR, **places)


def _names(best: list[Record], x: dict[str, Any], y: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the names of the frontier's points, beside them, to the side with more room."""
    sides: dict[str, list[Record]] = {"left": [], "right": []}
    for record, beside in zip(best, apart(best, y, _HEIGHT), strict=True):
        side = "left" if axes.place(x, record["x"], WIDTH) < WIDTH * 0.55 else "right"
        sides[side].append({"x": record["x"], "y": beside, "label": record["label"]})
    text = {"type": "text", "baseline": "middle", "limit": 190}
    return [
        layer(
            "ink",
            records,
            {**text, "align": side, "dx": 9 if side == "left" else -9, "dy": -9},
            x=x,
            y=y,
            text={"field": "label"},
        )
        for side, records in sides.items()
    ]


def _note(run: Run, up: _Quantity) -> str:
    parts = ["Dashed: the frontier, which no other artifact beats in both."]
    if up is ACCURACY:
        parts.append("Bars are 95 % intervals.")
    if run.swept:
        parts.append("Each artifact at its fewest threads and smallest batch.")
    return " ".join(parts)
