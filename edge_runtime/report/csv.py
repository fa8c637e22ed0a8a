"""Comma-separated values for a spreadsheet: one line a row, plain numbers, empty where unknown."""

import csv
import io

from edge_runtime.printable import in_csv
from edge_runtime.report.view import of
from edge_runtime.results.rows import Results

_NAMES = ("bundle", "model", "file", "engine", "format", "precision", "batch_size", "threads")


def render(results: Results) -> str:
    """Return a header line and a line for each row, per RFC 4180."""
    view = of(results)
    values = {h: value for column in view.columns for h, value in column.values.items()}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_NAMES, "status", *map(in_csv, values), "message"])
    for row in results.rows:
        names = [getattr(row, name) for name in _NAMES]
        figures = [value(row) for value in values.values()]
        writer.writerow(map(_cell, (*names, row.status, *figures, row.message)))
    return text.getvalue()


def _cell(value: float | str | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return in_csv(value)
    return str(value) if isinstance(value, int) else f"{value:.6g}"
