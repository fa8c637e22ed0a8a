"""A table for people, in a terminal."""

import textwrap

from edge_runtime.report.columns import view
from edge_runtime.results import Results

_GAP = "  "


def render(results: Results) -> str:
    """Return title, table, what went wrong, and notes."""
    shown = view(results)
    # A long heading takes a second line rather than widen its column.
    folded = [textwrap.wrap(heading, 12, break_long_words=False) for heading in shown.headings]
    height = max(map(len, folded))
    head = [[""] * (height - len(parts)) + parts for parts in folded]
    table = [[cells[i] for cells in head] for i in range(height)]
    table += [shown.cells(row) for row in shown.rows]
    widths = [max(len(line[i]) for line in table) for i in range(len(head))]
    left = len(shown.names)
    drawn = [
        _GAP.join(
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in table
    ]
    drawn.insert(height, "─" * max(map(len, drawn)))
    problems = [f"{file}: {message}" for file, message in shown.problems]
    return "\n".join([shown.title, "", *drawn, "", *problems, *shown.notes])
