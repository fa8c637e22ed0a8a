"""The result document itself, raw samples and all."""

from edge_runtime.results import document
from edge_runtime.results.rows import Results


def render(results: Results) -> str:
    """Return the document that ``--json`` writes to a file."""
    return document.text(results)
