"""A chart: its specification in Vega-Lite, what it says in words, and what all charts share.

Every chart is as wide as a phone's screen, so that it is readable there as it is; a wide page has
several beside each other. Colours that have to change with a dark page are set in the page's style
sheet: marks named ``ink`` are drawn in the text's colour.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from edge_runtime.report.charts.samples import Sample

WIDTH = 400
"""Of the plot, in pixels, without what stands beside its axes."""

Record = dict[str, Any]
"""One mark's values, by the names that the channels use."""

CONFIG: dict[str, Any] = {
    "view": {"stroke": None},
    "font": "Helvetica, Arial, sans-serif",
    "axis": {
        "aria": False,
        "domainColor": "#8a8f98",
        "tickColor": "#8a8f98",
        "gridColor": "#e3e5e9",
        "labelColor": "#4b515b",
        "titleColor": "#4b515b",
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "labelPadding": 4,
        "titlePadding": 8,
        "labelFlush": False,
    },
    "text": {"aria": False, "fontSize": 11, "color": "#1b1f24"},
    "rule": {"aria": False},
    "legend": {
        "aria": False,
        "orient": "top",
        "title": None,
        "labelFontSize": 11,
        "labelColor": "#4b515b",
        "symbolStrokeColor": "#4b515b",
    },
}

OWN_COLOUR = {"field": "colour", "type": "nominal", "scale": None}
OWN_SHAPE = {"field": "shape", "type": "nominal", "scale": None}
HOVER = {"field": "hover", "type": "nominal"}


@dataclass(frozen=True)
class Chart:
    """One chart.

    Attributes:
        name: what its file is called, without its ending.
        title: what it shows, with the unit.
        words: what it says, for who does not see it.
        note: how to read it; empty where that is plain.
        spec: Vega-Lite, without ``CONFIG``.
        samples: for marks named ``samples``, one path a row: each row's points in the order in
            which they are drawn.
    """

    name: str
    title: str
    words: str
    note: str
    spec: dict[str, Any]
    samples: tuple[tuple[Sample, ...], ...] = ()

    @property
    def kind(self) -> str:
        """What it shows, without the number of the row: charts of one kind stand together."""
        return self.name.rstrip("-0123456789")


def layers(height: int, *parts: dict[str, Any]) -> dict[str, Any]:
    """Return a specification of layers on one pair of axes; no two of them have one name."""
    named = [{**part, "name": f"{part['name']}_{n}"} for n, part in enumerate(parts) if part]
    return {"width": WIDTH, "height": height, "layer": named}


def layer(
    name: str, records: Sequence[Record], mark: dict[str, Any], **channels: Any
) -> dict[str, Any]:
    """Return a layer; an empty one where there is nothing to draw.

    Args:
        name: ``ink`` if it is drawn in the text's colour.
        records: one a mark, or one a point of a line.
        mark: what is drawn.
        channels: where and how.
    """
    if not records:
        return {}
    return {"name": name, "data": {"values": list(records)}, "mark": mark, "encoding": channels}


def points(records: Sequence[Record], **channels: Any) -> dict[str, Any]:
    """Return marks in the rows' colours and shapes, which say what they are when hovered."""
    mark = {"type": "point", "filled": True, "size": 70, "opacity": 1}
    channels = {"color": OWN_COLOUR, "shape": OWN_SHAPE, "description": HOVER, **channels}
    return layer("points", records, mark, **channels)


def lines(records: Sequence[Record], by: str = "row", **channels: Any) -> dict[str, Any]:
    """Return a line through the points of each row, in its colour."""
    mark = {"type": "line", "strokeWidth": 1.75, "aria": False, "opacity": 0.9}
    return layer("lines", records, mark, color=OWN_COLOUR, detail={"field": by}, **channels)


def pixel(field: str, height: int) -> dict[str, Any]:
    """Return a vertical channel whose values are pixels from the top."""
    return {
        "field": field,
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [0, height], "range": [0, height], "nice": False},
    }


def heads(names: Iterable[tuple[str, str]], step: int, height: int) -> list[dict[str, Any]]:
    """Return two layers: a name to the left above each row, figures to the right.

    Args:
        names: of each row, from the top, with its figures.
        step: pixels from row to row.
        height: of the chart.
    """
    records = [{"y": i * step + 7, "name": n, "figures": f} for i, (n, f) in enumerate(names)]
    text = {"type": "text", "baseline": "middle"}
    where = {"y": pixel("y", height)}
    left, right = {**text, "align": "left", "limit": 250}, {**text, "align": "right"}
    return [
        layer("ink", records, left, x={"value": 0}, text={"field": "name"}, **where),
        layer("dim", records, right, x={"value": WIDTH}, text={"field": "figures"}, **where),
    ]
