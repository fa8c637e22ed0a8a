"""The result document as lines of JSON: one for the run, then one for each row.

Each line has a ``kind`` (``run`` or ``row``); the keys are those of the document.
"""

import json

from edge_runtime import results_file
from edge_runtime.results import Results


def render(results: Results) -> str:
    """Return the lines."""
    lines = [{"kind": "run", **results_file.header(results)}]
    lines += [{"kind": "row", **row} for row in results_file.rows(results)]
    return "\n".join(json.dumps(line, allow_nan=False) for line in lines)
