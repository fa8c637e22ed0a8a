"""Run a plan: rounds through all rows in random order, each turn in a child process of its own.

The parent sleeps while a child measures. A child that is missing its engine, crashes or hangs ends
its row with a status that says so, and the other rows go on.
"""

import json
import math
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from edge_runtime.bundle import integrity
from edge_runtime.documents import strict
from edge_runtime.errors import BundleError
from edge_runtime.measure import child
from edge_runtime.measure.plan import Job, Plan
from edge_runtime.probes import load
from edge_runtime.results.parity import DEVICE_TOLERANCE, Parity
from edge_runtime.results.rows import Row, Status, Turn

SELF_CHECK_IMAGES = 64
"""Golden images that are looked at before anything is timed: one ruined layer shows in a few."""

Start = Callable[[Job], Sequence[str]]
"""The command that measures a job: ``standard``, or one that stands in for it."""


@dataclass(frozen=True)
class Step:
    """How far a run is.

    Attributes:
        rows: as they are now, in the order of the plan's jobs.
        turns, total: how many turns are behind it, and how many there will be, now that some rows
            may have ended early.
        ended_round: the round that has just ended; 0 within one.
    """

    rows: tuple[Row, ...]
    turns: int
    total: int
    ended_round: int = 0


def standard(job: Job) -> Sequence[str]:
    """Return the command of ``worker.main``."""
    return child.command("edge_runtime.measure.worker")


def corrupt_files(plan: Plan) -> list[str]:
    """Return what is wrong with the bundles' files that are no artifacts, a sentence each."""
    bundles = {job.bundle: job.manifest for job in plan.jobs}
    return [str(e) for b, content in bundles.items() for e in integrity.problems(b, content.files)]


def run(
    plan: Plan,
    done: Sequence[Row] = (),
    *,
    start: Start = standard,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[Step]:
    """Take the turns of a plan, and yield after each.

    Args:
        plan: what is measured.
        done: rows of an earlier run of the same plan, whole rounds of them, to go on from.
        start: the command of the measuring process.
        sleep: waits for some seconds.
    """
    rows = list(done) or [row(job) for job in plan.jobs]
    first = 1 + min((len(row.turns) for row in rows if row.status.goes_on), default=0)
    taken = sum(len(row.turns) for row in rows)
    for number in range(first, plan.settings.rounds + 1):
        order = [i for i in plan.order(number) if rows[i].status.goes_on]
        for place, i in enumerate(order):
            if plan.settings.cooldown_s:
                sleep(plan.settings.cooldown_s)
            rows[i] = _take_turn(plan, plan.jobs[i], rows[i], number, start)
            taken += 1
            ended = number if place == len(order) - 1 else 0
            yield Step(tuple(rows), taken, taken + _left(plan, rows), ended)


def look(plan: Plan, job: Job, *, start: Start = standard) -> Row:
    """Return a job's row after a look at what its artifact answers; nothing is timed."""
    return _take_turn(plan, job, row(job), 0, start)


def row(job: Job) -> Row:
    """Return a job's row before anything is measured."""
    artifact = job.artifact
    return Row(
        bundle=job.name or job.bundle.resolve().name,
        model=job.manifest.model,
        file=artifact.file,
        format=artifact.format,
        engine=artifact.engine,
        precision=artifact.precision,
        target=artifact.target,
        size_bytes=artifact.size_bytes,
        sha256=artifact.sha256,
        batch_size=job.batch_size,
        threads=job.threads,
        status=Status.OK,
        overridden=artifact.overridden,
    )


def order(plan: Plan, job: Job, *, with_accuracy: bool, timed: bool = True) -> dict[str, Any]:
    """Return what a worker needs to know, as JSON values: a turn's share of the row's samples.

    Without ``timed``, for a look at what few golden images are answered alone.
    """
    settings = plan.settings
    data = plan.accuracy_data if timed else None
    return {
        "bundle": str(job.bundle.resolve()),
        "file": job.artifact.file,
        "threads": job.threads,
        "batch_size": job.batch_size,
        "cpus": list(settings.cpus),
        "min_runs": math.ceil(settings.min_runs / settings.rounds),
        "min_time_s": settings.min_time_s / settings.rounds,
        "max_time_s": settings.max_time_s / settings.rounds,
        "timed": timed,
        "accuracy": with_accuracy,
        "accuracy_images": settings.accuracy_images
        if timed
        else min(SELF_CHECK_IMAGES, settings.accuracy_images),
        "accuracy_file": str(data.resolve()) if data else "",
    }


def _left(plan: Plan, rows: Sequence[Row]) -> int:
    return sum(plan.settings.rounds - len(row.turns) for row in rows if row.status.goes_on)


def _take_turn(plan: Plan, job: Job, row: Row, number: int, start: Start) -> Row:
    """Return the row after one more turn; turn 0 looks at its answers alone."""
    try:
        integrity.verify(job.bundle, job.artifact)
        integrity.verify_golden(job.bundle, job.manifest)
    except BundleError as error:
        message = str(error).removeprefix(f"{job.artifact.file}: ")
        return replace(row, status=Status.CORRUPT, message=message)
    first = not row.accuracy
    asked = order(plan, job, with_accuracy=first, timed=number > 0)
    status, answer = _in_child(asked, plan, job, start)
    if status is not Status.OK:
        where = f"in round {number}: " if row.turns else ""
        return replace(row, status=status, message=where + answer["message"])
    row = replace(row, engine_version=answer["engine_version"])
    if number:
        turn = strict.build(Turn, {"round": number, **answer["turn"]}, "turn")
        row = replace(row, turns=(*row.turns, turn))
    if not first:
        return row
    expected = job.artifact.parity.top1_agreement
    return _checked(replace(row, accuracy=answer["accuracy"]), expected)


def _in_child(
    order: dict[str, Any], plan: Plan, job: Job, start: Start
) -> tuple[Status, dict[str, Any]]:
    """Return how a child ended, and its answer or a message."""
    killed_before = load.oom_kills().value
    try:
        done = subprocess.run(
            start(job),
            input=json.dumps(order),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=plan.settings.timeout_s,
            env=child.environment(job.threads),
        )
    except subprocess.TimeoutExpired:
        return Status.TIMED_OUT, {
            "message": f"no result after {plan.settings.timeout_s:g} s: raise --timeout, or lower "
            + (
                "the images of --accuracy-data"
                if order["accuracy_file"]
                else "--min-runs, --min-time or --accuracy-images"
            ),
        }
    if done.returncode:
        for_memory = killed_before is not None and load.oom_kills().value != killed_before
        why = child.why(done.returncode, done.stderr, out_of_memory=for_memory)
        return Status.CRASHED, {"message": why}
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return Status.CRASHED, {"message": "its process ended without a result"}
    return Status(answer.pop("status")), answer


def _checked(row: Row, expected_agreement: float) -> Row:
    """Compare with the golden logits: a model that computes something else is mismatched."""
    parity = Parity(**{field.name: row.accuracy[field.name] for field in fields(Parity)})
    problem = parity.problem(
        row.precision, fp32_tolerance=DEVICE_TOLERANCE, expected_agreement=expected_agreement
    )
    if problem is None:
        return row
    message = f"{problem}: this engine computes something else here; try another version of it"
    return replace(row, status=Status.MISMATCHED, message=message)
