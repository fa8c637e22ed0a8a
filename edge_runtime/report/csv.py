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
    writer.writerow(
        ["bundle", "model", "file", "engine", "format", "precision", "status", *headings, "message"]
    )
    for row in shown.rows:
        names = [row.bundle, row.model, row.file, row.engine, row.format]
        names += [row.precision, row.status]
        values = [column.value(row) for column in shown.columns]
        cells = ["" if value is None else f"{value:.6g}" for value in values]
        writer.writerow([*names, *cells, row.message])
    return text.getvalue()
