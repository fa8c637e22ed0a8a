"""What a check of an artifact's answers tells its user, before anything is timed.

FP32 is held to its logits, INT8 to its classes, and both to what was recorded at export: INT8
outputs differ by CPU (onnxruntime#20479), and a reader is told whether they do here.
"""

from edge_runtime.measure import runner
from edge_runtime.measure.plan import Plan
from edge_runtime.probes.host import Host
from edge_runtime.results.rows import Key, Results, Row, Status

HEADING = "Self-check on the golden images, before anything is timed:"


def names(plan: Plan) -> dict[Key, str]:
    """Return what each check is called, by the key of its first row: threads are not named."""
    rows = [runner.row(plan.jobs[positions[0]]) for positions in runner.groups(plan)]
    shown = Results(plan.settings, Host(), tuple(rows))
    return {row.key: shown.label(row) for row in rows}


def line(row: Row, name: str) -> str:
    """Return the line of a check, below ``HEADING``."""
    ok = "ok, " if row.status is Status.OK else ""
    return f"  {name}: {ok}{describe(row)}"


def describe(row: Row) -> str:
    """Return what an artifact computes here, or how it ended."""
    answers = row.accuracy
    if row.status is not Status.OK or answers is None:
        return row.outcome
    agree = f"{answers.agree} of {answers.images} in FP32's class"
    if row.precision == "fp32":
        largest = f"{answers.largest_difference:.1g}"
        return f"logits within {largest} of those recorded at export, {agree}"
    if answers.exported is None:
        return agree
    difference = answers.difference_from_export() or "answers as recorded at export"
    return f"{agree}; {difference}"
