"""Which operators take the time: the profile of each row, the longest first."""

from collections.abc import Sequence
from typing import Any

from edge_runtime.printable import one_line
from edge_runtime.report.charts import axes
from edge_runtime.report.charts.chart import (
    HOVER,
    OWN_COLOUR,
    WIDTH,
    Chart,
    Record,
    heads,
    layer,
    layers,
    pixel,
)
from edge_runtime.report.charts.runs import Run
from edge_runtime.results.profile import Operator, Profile
from edge_runtime.results.rows import Row

MOST = 10
"""Bars of a row; the other operators are one bar together."""
_STEP = 34
_FLOAT, _UNKNOWN = "#a3a9b3", "#d0d4da"


def of(run: Run, runs: Sequence[Run]) -> list[Chart]:
    """Return a chart for each row that was profiled."""
    profiled = [(row, row.profile) for row in run.ran if row.profile and row.profile.operators]
    return [_chart(run, row, profile, n) for n, (row, profile) in enumerate(profiled, 1)]


def _chart(run: Run, row: Row, profile: Profile, number: int) -> Chart:
    shown = _longest(profile.operators)
    whole = sum(one.time_ns for one in profile.operators) or 1
    height = _STEP * len(shown)
    records: list[Record] = []
    for i, one in enumerate(shown):
        figures = _figures(one, whole)
        records.append(
            {
                "colour": {True: run.colour(row), False: _FLOAT}.get(one.int8, _UNKNOWN),  # type: ignore[arg-type]
                "hover": "\n".join([_name(one), figures, *_details(one), run.about(row)]),
                "x": one.time_ns / 1e6,
                "y": i * _STEP + 15,
                "y2": i * _STEP + 26,
            }
        )
    channels: dict[str, Any] = {
        "x": axes.of("x", "time in a call, ms", [r["x"] for r in records], from_0=True),
        "x2": {"datum": 0},
        "y": pixel("y", height),
        "y2": {"field": "y2"},
    }
    channels |= {"color": OWN_COLOUR, "description": HOVER}
    spec = layers(
        height,
        layer("bars", records, {"type": "rect"}, **channels),
        *heads([(_name(one), _figures(one, whole)) for one in shown], _STEP, height),
    )
    words = "; ".join(f"{_name(one)}: {_figures(one, whole)}" for one in shown)
    title = f"Operators of {run.label(row)}"
    return Chart(f"operators-{number}", title, words, _note(profile), spec)


def _longest(operators: Sequence[Operator]) -> list[Operator]:
    """Return the longest operators and, as one, the others."""
    ordered = sorted(operators, key=lambda one: -one.time_ns)
    if len(ordered) <= MOST + 1:
        return ordered
    rest = ordered[MOST:]
    name = f"{len(rest)} others"
    return [*ordered[:MOST], Operator(name, "", sum(one.time_ns for one in rest), len(rest))]


def _name(one: Operator) -> str:
    return one_line(f"{one.kind} {one.name}".strip(), WIDTH // 10)


def _figures(one: Operator, whole: float) -> str:
    parts = [axes.ms(one.time_ns), f"{100 * one.time_ns / whole:.0f} %"]
    if one.int8 is not None:
        parts.append("INT8" if one.int8 else "float")
    return " · ".join(parts)


def _details(one: Operator) -> list[str]:
    lines = []
    if one.macs is not None and one.time_ns:
        lines.append(f"{one.macs / 1e6:,.2f} M MACs, {one.macs / one.time_ns:,.2f} GMAC/s")
    if one.output:
        lines.append(f"writes {' × '.join(map(str, one.output))}")
    return lines


def _note(profile: Profile) -> str:
    parts = [f"A whole call takes {axes.ms(profile.call_ns)} under the profiler."]
    parts += ["Coloured: INT8; grey: floating point; pale: not known."]
    ceilings = (
        ("FP32", profile.ceiling_fp32_macs_per_s),
        ("INT8", profile.ceiling_int8_macs_per_s),
    )
    known = [f"{name} {ceiling / 1e9:,.1f} GMAC/s" for name, ceiling in ceilings if ceiling]
    if known:
        parts.append(f"This CPU's measured ceiling: {', '.join(known)}.")
    return " ".join(parts)
