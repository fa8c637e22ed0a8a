"""What an inference takes beyond idle, in millijoules: each window, and the interval over them."""

from collections.abc import Sequence

from edge_runtime.report.charts import axes
from edge_runtime.report.charts.chart import (
    HOVER,
    OWN_COLOUR,
    OWN_SHAPE,
    Chart,
    Record,
    heads,
    layer,
    layers,
    pixel,
)
from edge_runtime.report.charts.runs import Run
from edge_runtime.report.columns import mj_per_inference, significant
from edge_runtime.results.rows import Row
from edge_runtime.results.statistics import Estimate

_STEP = 40
_MIDDLE = 25


def of(run: Run, runs: Sequence[Run]) -> list[Chart]:
    """Return the chart of a run, on the scale of all runs beside it."""
    rows = _known(run)
    if not rows:
        return []
    height = _STEP * len(rows)
    records = [
        record
        for i, (row, taken) in enumerate(rows)
        for record in _records(run, row, taken, i * _STEP + _MIDDLE)
    ]
    every = [one[end] for other in runs for one in _all(other) for end in ("x", "x2")]
    x, y = axes.of("x", "energy, mJ per inference", every, from_0=True), pixel("y", height)
    channels = {"y": y, "color": OWN_COLOUR}
    windows = [one for one in records if one["window"]]
    whole = [one for one in records if not one["window"]]
    one = {"type": "point", "size": 26, "opacity": 0.45, "strokeWidth": 1, "aria": False}
    spec = layers(
        height,
        layer("windows", windows, {**one, "filled": False}, x=x, **channels),
        layer(
            "intervals",
            whole,
            {"type": "rule", "strokeWidth": 2},
            x=x,
            x2={"field": "x2"},
            **channels,
        ),
        layer(
            "means",
            whole,
            {"type": "point", "filled": True, "size": 70, "opacity": 1},
            x={**x, "field": "mean"},
            shape=OWN_SHAPE,
            description=HOVER,
            **channels,
        ),
        *heads([(run.label(row), _figures(taken)) for row, taken in rows], _STEP, height),
    )
    words = "; ".join(f"{run.label(row)}: {_figures(taken)}" for row, taken in rows)
    note = "Beyond idle. Filled: the mean with its 95 % interval; hollow: each window under load."
    return [Chart("energy", "Energy of an inference", words, note, spec)]


def _known(run: Run) -> list[tuple[Row, Estimate]]:
    return [(row, taken) for row in run.ran if (taken := mj_per_inference(row)) is not None]


def _all(run: Run) -> list[Record]:
    return [one for row, taken in _known(run) for one in _records(run, row, taken, 0)]


def _records(run: Run, row: Row, taken: Estimate, y: int) -> list[Record]:
    marks = {**run.marks(row, f"{_figures(taken)} beyond idle"), "y": y}
    each = row.energy.windows_mj(row.batch_size) if row.energy else []
    return [
        *({**marks, "x": mj, "x2": mj, "mean": mj, "window": True} for mj in each),
        {**marks, "x": taken.low, "x2": taken.high, "mean": taken.value, "window": False},
    ]


def _figures(taken: Estimate) -> str:
    return f"{significant(taken)} mJ"
