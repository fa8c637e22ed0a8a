"""Names beside lines and points, pushed apart where they would cover each other."""

from collections.abc import Sequence
from typing import Any

from edge_runtime.report.charts import axes
from edge_runtime.report.charts.chart import WIDTH, Record, layer

ROOM = 140
"""Pixels to the right of the lines, for their names."""
LINES = [0, WIDTH - ROOM]
"""The range of a scale that leaves it."""
_GAP = 13


def spread(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Return places at least a gap apart, in the same order and near where they were.

    Args:
        places: pixels, in any order.
        gap: between two names.
        low: least place.
        high: largest place; passed only where there is no room for all.
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = [max(low, min(places[i], high)) for i in order]
    for i in range(1, len(moved)):
        moved[i] = max(moved[i], moved[i - 1] + gap)
    # What was pushed out below comes back, as far as there is room above.
    limit = high
    for i in reversed(range(len(moved))):
        moved[i] = max(low + i * gap, min(moved[i], limit))
        limit = moved[i] - gap
    result = [0.0] * len(places)
    for i, place in zip(order, moved, strict=True):
        result[i] = place
    return result


def ends(records: Sequence[Record], y: dict[str, Any], height: int) -> dict[str, Any]:
    """Return a layer with the name of each line at its end, in the room that ``ROOM`` leaves.

    Args:
        records: the last point of each line.
        y: the lines' vertical channel.
        height: of the chart.
    """
    named = [
        {"y": value, "label": record["label"]}
        for record, value in zip(records, apart(records, y, height), strict=True)
    ]
    text = {"type": "text", "align": "left", "baseline": "middle", "limit": ROOM - 8}
    at = {"x": {"value": WIDTH - ROOM + 8}, "y": y}
    return layer("ink", named, text, text={"field": "label"}, **at)


def apart(records: Sequence[Record], y: dict[str, Any], height: int) -> list[float]:
    """Return where on the vertical scale each record's name stands, so that all can be read."""
    places = [axes.place(y, record["y"], height) for record in records]
    moved = spread(places, _GAP, 6, height - 6)
    return [axes.value_at(y, place, height) for place in moved]
