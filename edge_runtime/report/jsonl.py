"""The result document as lines of JSON: one for the run, then one for each row.

Each line has a ``kind`` (``run`` or ``row``); the keys are those of the document.
"""

import json

from edge_runtime.results import document, verdict
from edge_runtime.results.rows import Results


def render(results: Results) -> str:
    """Return the lines."""
    judged = verdict.judge(results)
    lines = [{"kind": "run", **document.header(results, judged)}]
    lines += [{"kind": "row", **row} for row in document.rows(results, judged)]
    return "\n".join(json.dumps(line, allow_nan=False) for line in lines)
