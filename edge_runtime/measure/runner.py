"""Run a plan: check what each artifact answers, then time it in rounds through all rows.

Each check and each turn has a child process of its own; the parent sleeps meanwhile. A child that
is missing its engine, crashes or hangs ends its row with a status that says so, and the other rows
go on.

A check answers the golden images (and those of ``--accuracy-data``) once, before anything is timed,
with the engine and at the batch size of its rows: its answers are the rows' accuracy, and a row
that does not answer is not timed. Rows that differ only in threads share one check, as threads
share the work on an answer and do not change it.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from edge_runtime.bundle import integrity
from edge_runtime.measure import child, extras
from edge_runtime.measure.child import End, Failure
from edge_runtime.measure.extras import Extra
from edge_runtime.measure.plan import Job, Plan
from edge_runtime.measure.request import Answer, Check, Request, Timing
from edge_runtime.measure.timing import Enough
from edge_runtime.results.parity import DEVICE_TOLERANCE
from edge_runtime.results.rows import Row, Status

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
        checked: after a check, the first of its rows; None after a turn.
        begins: before an extra, what is going to be measured, and of which row: it may take long.
    """

    rows: tuple[Row, ...]
    turns: int
    total: int
    ended_round: int = 0
    checked: Row | None = None
    begins: tuple[Extra, Row] | None = None


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
    """Check the rows that are not checked yet, take the turns of a plan, and yield after each.

    Args:
        plan: what is measured.
        done: rows of an earlier run of the same plan, whole rounds of them, to go on from.
        start: the command of the measuring process.
        sleep: waits for some seconds.
    """
    rows = list(done) or [row(job) for job in plan.jobs]
    taken = sum(len(row.turns) for row in rows)
    for positions in groups(plan):
        if rows[positions[0]].accuracy is None and rows[positions[0]].status is Status.OK:
            answer = ask(plan, plan.jobs[positions[0]], start)
            for i in positions:
                rows[i] = _with_check(rows[i], plan.jobs[i], answer)
            left = _left(plan, rows)
            yield Step(tuple(rows), taken, taken + left, checked=rows[positions[0]])
    first = 1 + min((len(row.turns) for row in rows if row.status.goes_on), default=0)
    for number in range(first, plan.settings.rounds + 1):
        order = [i for i in plan.order(number) if rows[i].status.goes_on]
        for place, i in enumerate(order):
            if plan.settings.cooldown_s:
                sleep(plan.settings.cooldown_s)
            answer = ask(plan, plan.jobs[i], start, number)
            rows[i] = _with_turn(rows[i], answer)
            taken += 1
            ended = number if place == len(order) - 1 else 0
            yield Step(tuple(rows), taken, taken + _left(plan, rows), ended)
    for extra, i in extras.left(rows, plan.settings):
        measured = extra.unavailable()
        if measured is None:
            if plan.settings.cooldown_s:
                sleep(plan.settings.cooldown_s)
            left = _left(plan, rows)
            yield Step(tuple(rows), taken, taken + left, begins=(extra, rows[i]))
            answer = ask(plan, plan.jobs[i], start, extra=extra)
            failed = extra.failed(f"{answer.status}: {answer.message}")
            measured = getattr(answer, extra.name) or failed
        rows[i] = replace(rows[i], **{extra.name: measured})
        taken += 1
        yield Step(tuple(rows), taken, taken + _left(plan, rows))


def check(plan: Plan, *, start: Start = standard) -> Iterator[Row]:
    """Yield a row for each check of a plan: what its artifact answers. Nothing is timed."""
    for positions in groups(plan):
        job = plan.jobs[positions[0]]
        yield _with_check(row(job), job, ask(plan, job, start))


def groups(plan: Plan) -> list[list[int]]:
    """Return the positions of the jobs that share a check: one artifact, engine and batch size."""
    shared: dict[tuple[object, ...], list[int]] = {}
    for i, job in enumerate(plan.jobs):
        knobs = tuple(sorted(job.knobs.items()))
        key = job.name, job.bundle, job.artifact.file, job.engine, job.batch_size, knobs
        shared.setdefault(key, []).append(i)
    return list(shared.values())


def row(job: Job) -> Row:
    """Return a job's row before anything is measured."""
    artifact = job.artifact
    return Row(
        bundle=job.name or job.bundle.resolve().name,
        model=job.manifest.model,
        file=artifact.file,
        format=artifact.format,
        engine=job.engine,
        precision=artifact.precision,
        target=artifact.target,
        size_bytes=artifact.size_bytes,
        sha256=artifact.sha256,
        batch_size=job.batch_size,
        threads=job.threads,
        status=Status.OK,
        knobs=dict(job.knobs),
        overridden=artifact.overridden,
    )


def request(plan: Plan, job: Job, number: int = 0, extra: Extra | None = None) -> Request:
    """Return what a worker is asked for: an extra, a round's share of the samples, or a check."""
    settings, data = plan.settings, plan.accuracy_data
    check = timing = None
    if number:
        count = math.ceil(settings.min_runs / settings.rounds)
        seconds = (settings.min_time_s / settings.rounds, settings.max_time_s / settings.rounds)
        timing = Timing(number, Enough(count, *seconds))
    elif not extra:
        check = Check(settings.accuracy_images, str(data.resolve()) if data else "")
    return Request(
        bundle=str(job.bundle.resolve()),
        manifest=job.manifest,
        file=job.artifact.file,
        engine=job.engine,
        batch_size=job.batch_size,
        threads=job.threads,
        cpus=settings.cpus,
        knobs=dict(job.knobs),
        check=check,
        timing=timing,
        **({extra.name: extra.asked(settings)} if extra else {}),
    )


def _left(plan: Plan, rows: Sequence[Row]) -> int:
    turns = sum(plan.settings.rounds - len(row.turns) for row in rows if row.status.goes_on)
    return turns + len(extras.left(rows, plan.settings))


def ask(plan: Plan, job: Job, start: Start, number: int = 0, extra: Extra | None = None) -> Answer:
    """Return what a child answers; where it does not, an answer that says why."""
    asked = request(plan, job, number, extra)
    timeout_s = plan.settings.timeout_s + (extra.takes_s(plan.settings) if extra else 0)
    answer = child.ask(start(job), asked, Answer, timeout_s=timeout_s, threads=job.threads)
    if not isinstance(answer, Failure):
        return answer
    if answer.end is End.TIMEOUT:
        less = "" if extra else f", or lower {_less(asked)}"
        return Answer(Status.TIMED_OUT, f"{answer.what}: raise --timeout{less}")
    return Answer(Status.CRASHED, str(answer))


def _less(request: Request) -> str:
    """Return what takes a process long, so that less of it helps."""
    if request.check is None:
        return "--min-runs or --min-time"
    return "the images of --accuracy-data" if request.check.data_file else "--accuracy-images"


def _with_check(row: Row, job: Job, answer: Answer) -> Row:
    """Return the row with its answers: a model that computes something else is mismatched."""
    row = replace(row, status=answer.status, message=answer.message, accuracy=answer.accuracy)
    if answer.accuracy is None:
        return row
    row = replace(row, engine_version=answer.engine_version, details=answer.details)
    problem = answer.accuracy.problem(
        row.precision,
        fp32_tolerance=DEVICE_TOLERANCE,
        expected_agreement=job.artifact.parity.top1_agreement,
    )
    if problem is None:
        return row
    message = f"{problem}: this engine computes something else here; try another version of it"
    return replace(row, status=Status.MISMATCHED, message=message)


def _with_turn(row: Row, answer: Answer) -> Row:
    """Return the row after one more turn; a mismatched one stays so."""
    if answer.turn is None:
        where = f"in round {len(row.turns) + 1}: " if row.turns else ""
        return replace(row, status=answer.status, message=where + answer.message)
    return replace(row, engine_version=answer.engine_version, turns=(*row.turns, answer.turn))
