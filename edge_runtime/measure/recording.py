"""A run from its first round to its last, kept in a file after every turn.

A kill loses nothing: what was finished is there, and ``--resume`` goes on from it.
"""

import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge_runtime.bundle import manifest
from edge_runtime.errors import RecordingError, UsageError
from edge_runtime.locks import InUseError, hold
from edge_runtime.measure import runner
from edge_runtime.measure.plan import Plan
from edge_runtime.measure.runner import Start, Step
from edge_runtime.probes import energy, host, state
from edge_runtime.results import document
from edge_runtime.results.rows import Results, Row, States


@dataclass
class Recording:
    """What has been measured of a plan so far.

    Attributes:
        plan: what is measured.
        file: where it is kept; nowhere if None.
        results: as they are now; rows of unfinished rounds among them.
    """

    plan: Plan
    file: Path | None
    results: Results

    def run(
        self,
        progress: Callable[[Step], object] = lambda step: None,
        start: Start = runner.standard,
    ) -> Results:
        """Measure what is left, and return all of it.

        Raises:
            RecordingError: the file can no longer be written; it holds what was there before, and
                ``results`` all that was measured.
        """
        for step in runner.run(self.plan, self.results.rows, start=start):
            self.results = replace(self.results, rows=step.rows)
            if step.turns == step.total:  # also where no check left a row to be timed
                self.results = replace(self.results, state=self._state_at_end())
            if not (step.checked or step.begins) or step.turns == step.total:
                self._keep()
            progress(step)
        return self.results

    def _state_at_end(self) -> States:
        return replace(self.results.state, after=state.read_machine())

    def _keep(self) -> None:
        file = self.file
        if file is None:
            return
        try:
            document.write(self.results, file)
        except OSError as error:
            before = ", and holds what was measured before" if file.exists() else ""
            raise RecordingError(
                f"--json {file} cannot be written ({error.strerror}){before}.",
                f"Make room and {'go on with --resume' if before else 'run it again'}.",
            ) from error


@contextmanager
def begin(plan: Plan, file: Path | None, *, resume: bool = False) -> Iterator[Recording]:
    """Begin a run, or go on with the one that a file holds: see ``new`` and ``go_on``.

    Within the block the file is this run's alone.

    Raises:
        UsageError: there is no file to go on with, another run writes to it, it cannot be written
            or should not be, or as those two say.
    """
    if resume and file is None:
        raise UsageError("--resume goes on with a file.", "Give --json FILE.")
    with ExitStack() as stack:
        if file:
            _check_place(file, plan)
            _hold(file, stack)
        yield go_on(plan, file) if resume and file else new(plan, file)


def new(plan: Plan, file: Path | None) -> Recording:
    """Begin a run.

    Raises:
        UsageError: the file holds an unfinished run.
    """
    if file:
        _refuse_unfinished(file)
    return Recording(plan, file, _nothing_yet(plan))


def go_on(plan: Plan, file: Path) -> Recording:
    """Go on with the run that a file holds; without the file, begin it.

    Turns of a round that was not finished are measured again: its ratios are pairs of one moment.

    Raises:
        UsageError: the file holds a run of something else, and says what differs.
        BundleError: it is no results file.
    """
    if not file.exists():
        return new(plan, file)
    kept = document.read(file)
    fresh = _nothing_yet(plan)
    if differing := _differences(kept, fresh):
        raise UsageError(
            f"--resume: {file} was measured with another {differing}.",
            "Repeat its command, or give another --json.",
        )
    whole = replace(kept.whole_rounds(), settings=plan.settings)
    rows = whole.rows if whole.rounds_done else fresh.rows
    return Recording(plan, file, replace(whole, rows=rows))


def _check_place(file: Path, plan: Plan) -> None:
    """Refuse a file that should not be written."""
    try:
        regular = stat.S_ISREG(file.stat().st_mode)
    except FileNotFoundError:
        regular = True
    except OSError as error:  # too long a name, a loop of links
        raise UsageError(f"--json {str(file)[:100]}: {error.strerror}.") from error
    if not regular:
        raise UsageError(f"--json {file} is not a regular file.")
    whole = file.resolve()
    if whole.parent in {job.bundle.resolve() for job in plan.jobs} and whole.suffix != ".json":
        raise UsageError(f"--json {file} lies in a bundle.", "Give a file that ends in .json.")
    if whole.name == manifest.FILE:
        raise UsageError(f"--json {file} is a bundle's manifest.", "Give another file.")


def _hold(file: Path, stack: ExitStack) -> None:
    """Keep a file to this run until the stack ends; so it is known to be writable, too."""
    whole = file.resolve()
    try:
        stack.enter_context(hold(whole))
    except InUseError as error:
        raise UsageError(
            f"--json {file} is written by another edge-bench.",
            "Wait for its end, or give another file.",
        ) from error
    except OSError as error:
        where = f"cannot write to {whole.parent} ({error.strerror})"
        raise UsageError(f"--json {file}: {where}.") from error


def _refuse_unfinished(file: Path) -> None:
    """Protect a run that was cut off: finished results are replaced, as any output is."""
    try:
        kept = document.read(file)
    except Exception:  # no results file, or a damaged one: nothing to go on from
        return
    if not kept.finished:
        raise UsageError(
            f"--json {file} holds an unfinished run, {kept.rounds_done} of "
            f"{kept.settings.rounds} rounds.",
            "Go on with --resume, or remove it.",
        )


def _nothing_yet(plan: Plan) -> Results:
    started = datetime.now(UTC).isoformat(timespec="seconds")
    rows = tuple(runner.row(job) for job in plan.jobs)
    before = States({**state.read_machine(), "energy_source": energy.describe()})
    return Results(plan.settings, host.describe(), rows, before, started)


# Patience, limits, and the memory that the kernel leaves over: no two boots leave the same.
_MAY_CHANGE = {"timeout_s", "cooldown_s", "memory_bytes", "budget"}


def _differences(kept: Results, fresh: Results) -> str:
    """Return the name of the first thing that two runs do not share; '' if they share all."""
    for kind, old, new in (
        ("", asdict(kept.settings), asdict(fresh.settings)),
        ("machine: ", asdict(kept.host), asdict(fresh.host)),
    ):
        for name in new:
            if old[name] != new[name] and name not in _MAY_CHANGE:
                return f"{kind}{name} ({old[name]}, now {new[name]})"
    if [_identity(row) for row in kept.rows] != [_identity(row) for row in fresh.rows]:
        return "set of artifacts"
    return ""


def _identity(row: Row) -> tuple[Any, ...]:
    return *row.key, row.sha256
