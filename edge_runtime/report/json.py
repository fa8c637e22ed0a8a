"""The result document itself, raw samples and all."""

from edge_runtime import results_file
from edge_runtime.results import Results


def render(results: Results) -> str:
    """Return the document that ``--json`` writes to a file."""
    return results_file.text(results)
