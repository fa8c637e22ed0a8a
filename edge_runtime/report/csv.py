"""Comma-separated values for a spreadsheet: one line a row, plain numbers, empty where unknown."""

import csv
import io

from edge_runtime.report.columns import view
from edge_runtime.results import Results


def render(results: Results) -> str:
    """Return a header line and a line for each row, per RFC 4180."""
    shown = view(results)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    headings = [column.heading for column in shown.columns]
    writer.writerow(["model", "file", "engine", "format", "precision", "status", *headings])
    for row in shown.rows:
        names = [row.model, row.file, row.engine, row.format, row.precision, row.status]
        values = [column.value(row) for column in shown.columns]
        writer.writerow(names + ["" if value is None else f"{value:.6g}" for value in values])
    return text.getvalue()
