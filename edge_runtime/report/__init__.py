"""What a result looks like, one output a file.

command.py     ``edge-bench report`` and ``edge-bench compare``
table.py, markdown.py, csv.py, json.py, jsonl.py
               one output each
view.py        a result ready to be drawn: its columns, notes and verdicts
columns.py     what each column of the table shows of a row
references.py  which row a ratio is taken against
bundles.py     several bundles in one run
scaling.py     what more threads and larger batches are worth
notes.py       the lines below a table
compared.py    results files beside each other
grid.py        headings and rows of text, drawn as a grid
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # help is shown without it
    from edge_runtime.results.rows import Results


def render(results: "Results", output: str) -> str:
    """Return results as text, without a newline at its end.

    Args:
        results: what was measured.
        output: ``table``, ``markdown``, ``csv``, ``json`` or ``jsonl``: a file in this folder.
    """
    text: str = importlib.import_module(f"edge_runtime.report.{output}").render(results)
    return text.rstrip("\n")
