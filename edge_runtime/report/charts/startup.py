"""What a user waits for: loading, the first call, and a call in the steady state."""

from collections.abc import Callable, Sequence

from edge_runtime.report.charts import axes
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
from edge_runtime.results.rows import Row
from edge_runtime.results.turns import Turn

_STEP = 40
_MIDDLE = 25
_STAGES: dict[str, Callable[[Turn], float]] = {
    "load": lambda turn: turn.load_ns,
    "first call": lambda turn: turn.first_ns,
    "steady call": lambda turn: turn.median_ns,
}
_SHAPES = ("square", "triangle-up", "circle")


def of(run: Run, runs: Sequence[Run]) -> list[Chart]:
    """Return the chart of a run, on the scale of all runs beside it."""
    run, runs = run.least, [other.least for other in runs]
    rows = run.ran
    if not rows:
        return []
    height = _STEP * len(rows)
    records = [record for i, row in enumerate(rows) for record in _records(run, row, i)]
    middle = [record for record in records if record["middle"]]
    every = [
        max(stage(turn) / 1e6, 1e-6)
        for other in runs
        for row in other.ran
        for turn in row.turns
        for stage in _STAGES.values()
    ]
    stages = {"domain": [*_STAGES], "range": [*_SHAPES]}
    channels = {
        "x": axes.of("x", "duration, ms", every),
        "y": pixel("y", height),
        "color": OWN_COLOUR,
        "shape": {"field": "stage", "type": "nominal", "scale": stages},
    }
    one = {"type": "point", "filled": False, "size": 26, "opacity": 0.45, "strokeWidth": 1}
    spec = layers(
        height,
        layer("turns", records, {**one, "aria": False}, **channels),
        layer("points", middle, {**one, "filled": True, "size": 70, "opacity": 1}, **channels)
        | {"encoding": {**channels, "description": HOVER}},
        *heads([(run.label(row), _figures(row)) for row in rows], _STEP, height),
    )
    words = "; ".join(f"{run.label(row)}: {_figures(row)}" for row in rows)
    note = "Filled: the median over the rounds, a new process each; hollow: each round."
    return [Chart("startup", "Load, first call, steady state", words, note, spec)]


def _records(run: Run, row: Row, position: int) -> list[Record]:
    at = {"y": position * _STEP + _MIDDLE}
    records: list[Record] = []
    for name, stage in _STAGES.items():
        durations = [max(stage(turn), 1.0) for turn in row.turns]
        middle = row.middle(stage) or 1.0
        marks = run.marks(row, f"{name} {axes.ms(middle)}, median of {len(durations)} rounds")
        here = {**marks, **at, "stage": name}
        records += [{**here, "x": duration / 1e6, "middle": False} for duration in durations]
        records.append({**here, "x": max(middle, 1.0) / 1e6, "middle": True})
    return records


def _figures(row: Row) -> str:
    middles = [row.middle(stage) or 0 for stage in _STAGES.values()]
    return " → ".join(axes.figure(middle / 1e6) for middle in middles) + " ms"
