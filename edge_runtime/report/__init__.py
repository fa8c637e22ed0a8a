"""What is drawn from a result document, one output a file."""

from edge_runtime.report import csv, json, jsonl, markdown, table
from edge_runtime.results.rows import Results

_RENDERERS = {
    "table": table.render,
    "markdown": markdown.render,
    "csv": csv.render,
    "json": json.render,
    "jsonl": jsonl.render,
}


def render(results: Results, output: str) -> str:
    """Return results as text, without a newline at its end.

    Args:
        results: what was measured.
        output: ``table``, ``markdown``, ``csv``, ``json`` or ``jsonl``.
    """
    return _RENDERERS[output](results).rstrip("\n")
