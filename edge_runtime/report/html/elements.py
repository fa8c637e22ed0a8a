"""Tables, charts and texts as HTML. All that comes from a file is text, whatever it holds."""

import html
import json
import re
from collections.abc import Iterable
from typing import Any

from edge_runtime.printable import MOST_OF_A_LIST, one_line
from edge_runtime.report.charts import draw
from edge_runtime.report.charts.chart import Chart
from edge_runtime.report.grid import Grid
from edge_runtime.results.rules import Grade

_SIGNS = {Grade.VALID.name: "✓", Grade.SUSPECT.name: "!", Grade.INVALID.name: "✕"}
_SHAPES = {
    "circle": '<circle cx="6" cy="6" r="4.5"/>',
    "square": '<rect x="2" y="2" width="8" height="8"/>',
    "diamond": '<path d="M6 0.5 10.5 6 6 11.5 1.5 6Z"/>',
    "triangle-up": '<path d="M6 1 11 10.5H1Z"/>',
}


def text(value: str) -> str:
    """Return a text as HTML that means itself, between tags and in quoted attributes."""
    return html.escape(one_line(value, MOST_OF_A_LIST))


def data(name: str, value: Any) -> str:
    """Return a JSON value as an element that no browser runs, and that nothing in it can end."""
    content = json.dumps(value, separators=(",", ":"))
    content = re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", content)
    return f'<script type="application/json" id="{name}">{content}</script>'


def bullets(lines: Iterable[str], kind: str) -> str:
    """Return a list; nothing where there are no lines."""
    items = "".join(f"<li>{text(line)}</li>" for line in lines)
    return f'<ul class="{kind}">{items}</ul>' if items else ""


def badge(grade: str) -> str:
    """Return a verdict: a sign, a word and a colour."""
    sign = f'<b aria-hidden="true">{_SIGNS[grade]}</b>'
    return f'<span class="grade {grade.lower()}">{sign}{grade}</span>'


def table(grid: Grid, caption: str) -> str:
    """Return a table that scrolls within itself where it is too wide.

    Args:
        grid: headings and rows.
        caption: what it is, for who hears it.
    """
    heads = "".join(
        f'<th scope="col"{_side(grid, i)}>{text(heading)}</th>'
        for i, heading in enumerate(grid.headings)
    )
    rows = "".join(f"<tr>{_cells(grid, row)}</tr>" for row in grid.rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{text(caption)}"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cells(grid: Grid, row: Iterable[str]) -> str:
    cells = [badge(cell) if cell in _SIGNS else text(cell) for cell in row]
    first, *others = cells
    rest = "".join(f"<td{_side(grid, i)}>{cell}</td>" for i, cell in enumerate(others, 1))
    return f'<th scope="row" class="left">{first}</th>{rest}'


def _side(grid: Grid, column: int) -> str:
    last = grid.remarks and column == len(grid.headings) - 1
    return ' class="left"' if column < grid.left or last else ""


def swatch(colour: str, shape: str) -> str:
    """Return a mark as charts draw it."""
    return (
        f'<svg class="swatch" viewBox="0 0 12 12" aria-hidden="true" fill="{colour}">'
        f"{_SHAPES[shape]}</svg>"
    )


def figure(chart: Chart, whose: str, name: str) -> str:
    """Return a chart with its heading and how to read it.

    Args:
        chart: what is drawn.
        whose: the file that it is of; empty where that is plain.
        name: of the element, unique on the page.
    """
    spoken = text(f"{chart.title}. {chart.words}")
    svg = draw.to_svg(chart, None).replace("<svg ", f'<svg role="img" aria-label="{spoken}" ', 1)
    of_file = f'<span class="file">{text(whose)}</span>' if whose else ""
    note = f"<p>{text(chart.note)}</p>" if chart.note else ""
    return (
        f'<figure id="{name}"><figcaption><h3>{text(chart.title)}{of_file}</h3></figcaption>'
        f'<div class="chart">{svg}</div>{note}</figure>'
    )
