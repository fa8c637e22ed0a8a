"""What a device's answers to the golden images tell, before anything is timed.

FP32 is held to its logits, INT8 to its classes, and both to the exporting machine: INT8 outputs
differ by CPU (onnxruntime#20479), and a reader is told whether they do here.
"""

from collections.abc import Iterator
from dataclasses import replace

from edge_runtime.measure import runner
from edge_runtime.measure.plan import Job, Plan
from edge_runtime.results import parity
from edge_runtime.results.rows import Results, Row


def lines(plan: Plan) -> Iterator[str]:
    """Look at each artifact of a plan, and yield a line as soon as it has answered."""
    jobs = list(each_artifact(plan))
    shown = Results(plan.settings, {}, tuple(runner.row(job) for job in jobs))
    count = min(runner.SELF_CHECK_IMAGES, plan.settings.accuracy_images)
    yield f"Self-check on {count} golden images, before anything is timed:"
    for job in jobs:
        row = runner.look(plan, job)
        yield f"  {shown.label(row)}: {told(row)}"


def each_artifact(plan: Plan) -> Iterator[Job]:
    """Yield a job for each artifact of a plan, one image a call where the artifact allows it."""
    seen = set()
    for job in plan.jobs:
        if (key := (job.bundle, job.artifact.file)) not in seen:
            seen.add(key)
            fixed = isinstance(job.artifact.input.shape[0], int)
            yield job if fixed else replace(job, batch_size=1)


def told(row: Row) -> str:
    """Return what an artifact computes here, or how it ended."""
    if row.message:
        return row.message if row.message.startswith(row.status) else f"{row.status}, {row.message}"
    answers = row.accuracy
    agree = f"{answers['agree']} of {answers['images']} in FP32's class"
    if row.precision == "fp32":
        largest = answers["largest_difference"]
        return f"ok, logits within {largest:.1g} of the exporting machine's, {agree}"
    if "exported" not in answers:
        return f"ok, {agree}"
    return f"ok, {agree}; {parity.differing(row) or 'answers as on the exporting machine'}"
