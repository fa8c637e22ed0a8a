"""A load of minutes: throughput, latency, clock, temperature and power against time."""

from collections.abc import Callable, Sequence

from edge_runtime.report.charts import axes
from edge_runtime.report.charts.chart import Chart, Record, layer, layers, lines, points
from edge_runtime.report.charts.labels import LINES, ends
from edge_runtime.report.charts.runs import Run
from edge_runtime.results.rows import Row
from edge_runtime.results.sustained import Bin

_HEIGHT = 150


def _mhz(one: Bin) -> float | None:
    return None if one.frequency_hz is None else one.frequency_hz / 1e6


def _p95_ms(one: Bin) -> float | None:
    return None if one.p95_ns is None else one.p95_ns / 1e6


_QUANTITIES: tuple[tuple[str, str, str, Callable[[Bin], float | None]], ...] = (
    ("throughput", "calls/s", "Throughput", lambda one: one.calls / (one.duration_s or 1)),
    ("latency", "95th percentile of a call, ms", "Latency", _p95_ms),
    ("missed", "missed deadlines", "Missed deadlines", lambda one: one.missed),
    ("clock", "clock, MHz", "Clock", _mhz),
    ("temperature", "temperature, °C", "Temperature", lambda one: one.temperature_celsius),
    ("power", "power, W", "Power", lambda one: one.watts),
)


def of(run: Run, runs: Sequence[Run]) -> list[Chart]:
    """Return the charts of a run: one for each quantity that is known."""
    loaded = [(row, row.sustained.bins) for row in run.ran if row.sustained and row.sustained.bins]
    fps = {row.sustained.fps for row, _ in loaded if row.sustained}
    asked = " and ".join(sorted(f"{one:g} frames/s" for one in fps if one))
    note = f"Paced: {asked} were asked for." if asked else "Calls follow each other at once."
    charts = []
    for name, unit, title, value in _QUANTITIES:
        if name == "missed" and not asked:
            continue
        records = [record for row, bins in loaded for record in _records(run, row, bins, value)]
        if any(record["y"] for record in records):
            charts.append(_chart(f"sustained-{name}", title, unit, note, records))
    return charts


def _records(
    run: Run, row: Row, bins: Sequence[Bin], value: Callable[[Bin], float | None]
) -> list[Record]:
    records: list[Record] = []
    for one in bins:
        known = value(one)
        if known is None:
            continue
        minutes = (one.start_s + one.duration_s / 2) / 60
        parts = [f"minute {minutes:.1f}: {axes.figure(known)}"]
        known_ns = {"p50": one.p50_ns, "p95": one.p95_ns}
        told = [f"{name} {axes.ms(ns)}" for name, ns in known_ns.items() if ns is not None]
        parts.append(", ".join([f"{one.calls:,} calls", *told]))
        parts += ["throttled"] if one.throttled else []
        throttled = bool(one.throttled)
        records.append({**run.marks(row, *parts), "x": minutes, "y": known, "throttled": throttled})
    return records


def _chart(name: str, title: str, unit: str, note: str, records: list[Record]) -> Chart:
    longest = max(record["x"] for record in records)
    x = {
        "field": "x",
        "type": "quantitative",
        "scale": {"domain": [0, longest], "range": LINES, "nice": False},
        "axis": {"title": "time, minutes", "tickCount": 5},
    }
    y = axes.of("y", unit, [record["y"] for record in records], from_0=True)
    throttled = [record for record in records if record["throttled"]]
    ring = {"type": "point", "filled": False, "size": 110, "strokeWidth": 1.5, "aria": False}
    last = {record["row"]: record for record in records}
    spec = layers(
        _HEIGHT,
        lines(records, x=x, y=y),
        points(records, x=x, y=y, size={"value": 22}),
        layer("ink", throttled, {**ring, "color": "#1b1f24"}, x=x, y=y),
        ends([*last.values()], y, _HEIGHT),
    )
    words = "; ".join(
        f"{one['label']}: {axes.figure(one['y'])} at the end" for one in last.values()
    )
    note += " Ringed: the machine was throttled." if throttled else ""
    return Chart(name, title, f"{unit}. {words}", note, spec)
