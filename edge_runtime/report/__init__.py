"""What a result looks like, one output a file.

command.py     ``edge-bench report``, ``edge-bench compare`` and ``edge-bench history``
gates.py       ``--budget`` and ``--fail-if``
table.py, markdown.py, csv.py, json.py, jsonl.py, junit.py, github.py
               one output each
cases.py       results as the cases of a test
checks.py      limits beside what was measured
view.py        a result ready to be drawn: its columns, notes and verdicts
columns.py     what each column of the table shows of a row
references.py  which row a ratio is taken against
bundles.py     several bundles in one run
operators.py   what the operators of profiled rows take
sustained.py   sentences and bins of a sustained load
scaling.py     what more threads and larger batches are worth
energy.py      the lines on the energy of an inference
notes.py       the lines below a table
compared.py    results files beside each other
history.py     many of them, a line each
grid.py        headings and rows of text, drawn as a grid
charts/        results as charts: a file each, and in a page
html/          one page with all of them
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # help is shown without it
    from edge_runtime.results.rows import Results


def render(results: "Results", output: str) -> str:
    """Return results as text, without a newline at its end.

    Args:
        results: what was measured.
        output: ``table``, ``markdown``, ``csv``, ``json``, ``jsonl``, ``junit`` or
            ``github``: a file in this folder.
    """
    text: str = importlib.import_module(f"edge_runtime.report.{output}").render(results)
    return text.rstrip("\n")
