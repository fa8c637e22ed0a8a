"""A run from its first round to its last, kept in a file after every turn.

A kill loses nothing: what was finished is there, and ``--resume`` goes on from it.
"""

import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge_runtime.bundle import manifest
from edge_runtime.errors import RecordingError, UsageError
from edge_runtime.files import LEFTOVER, remove_leftovers
from edge_runtime.measure import runner
from edge_runtime.measure.plan import Plan
from edge_runtime.measure.runner import Start, Step
from edge_runtime.probes import host, load, state, target
from edge_runtime.results import document
from edge_runtime.results.rows import Results, Row


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
            done = step.turns == step.total
            after = {"after": state.of_machine()} if done else {}
            known = {**self.results.state, **after}
            self.results = replace(self.results, rows=step.rows, state=known)
            if self.file:
                self._keep(self.file)
            progress(step)
        return self.results

    def _keep(self, file: Path) -> None:
        try:
            document.write(self.results, file)
        except OSError as error:
            before = ", and holds what was measured before" if file.exists() else ""
            raise RecordingError(
                f"--json {file} cannot be written ({error.strerror}){before}. Make room and "
                f"{'go on with --resume' if before else 'run it again'}."
            ) from error


def new(plan: Plan, file: Path | None) -> Recording:
    """Begin a run.

    Raises:
        UsageError: the file cannot be written, should not be, or holds an unfinished run.
    """
    if file:
        check_writable(file, plan)
        _refuse_unfinished(file)
    return Recording(plan, file, _nothing_yet(plan))


def resumed(plan: Plan, file: Path) -> Recording:
    """Go on with the run that a file holds; without the file, begin it.

    Turns of a round that was not finished are measured again: its ratios are pairs of one moment.

    Raises:
        UsageError: the file holds a run of something else, and says what differs.
        BundleError: it is no results file.
    """
    check_writable(file, plan)
    if not file.exists():
        return new(plan, file)
    found = document.read(file)
    fresh = _nothing_yet(plan)
    if differing := _differences(found, fresh):
        raise UsageError(
            f"--resume: {file} was measured with another {differing}. Repeat its command, or give "
            "another --json."
        )
    whole = replace(found.whole_rounds(), settings=plan.settings)
    rows = whole.rows if whole.rounds_done else fresh.rows
    return Recording(plan, file, replace(whole, rows=rows))


def check_writable(file: Path, plan: Plan) -> None:
    """Refuse what cannot be written, or should not, before anything is measured."""
    try:
        regular = stat.S_ISREG(file.stat().st_mode)
    except FileNotFoundError:
        regular = True
    except OSError as error:  # too long a name, a loop of links
        raise UsageError(f"--json {str(file)[:100]}: {error.strerror}.") from error
    if not regular:
        raise UsageError(f"--json {file}: not a regular file.")
    whole = file.resolve()
    if whole.parent in {job.bundle.resolve() for job in plan.jobs} and whole.suffix != ".json":
        raise UsageError(f"--json {file}: give a file that ends in .json.")
    if whole.name == manifest.FILE:
        raise UsageError(f"--json {file}: that is a bundle's manifest.")
    try:
        remove_leftovers(whole)
        with tempfile.NamedTemporaryFile(
            dir=whole.parent, prefix=f".{whole.name}.", suffix=LEFTOVER
        ):
            pass
    except OSError as error:
        where = f"cannot write to {whole.parent} ({error.strerror})"
        raise UsageError(f"--json {file}: {where}.") from error


def _refuse_unfinished(file: Path) -> None:
    """Protect a run that was cut off: finished results are replaced, as any output is."""
    try:
        found = document.read(file)
    except Exception:  # no results file, or a damaged one: nothing to go on from
        return
    if not found.finished:
        raise UsageError(
            f"--json {file} holds an unfinished run, {found.rounds_done} of "
            f"{found.settings.rounds} rounds. Go on with --resume, or remove it."
        )


def _nothing_yet(plan: Plan) -> Results:
    machine = {
        **host.describe(),
        "target": target.of_this_cpu(),
        "ticks_per_s": load.TICKS_PER_S,
    }
    started = datetime.now(UTC).isoformat(timespec="seconds")
    rows = tuple(runner.row(job) for job in plan.jobs)
    return Results(plan.settings, machine, rows, {"before": state.of_machine()}, started)


# Patience, and the memory that the kernel leaves over, which differs a little from boot to boot.
_MAY_CHANGE = {"timeout_s", "cooldown_s", "memory_bytes"}


def _differences(found: Results, fresh: Results) -> str:
    """Return the name of the first thing that two runs do not share; '' if they share all."""
    old, new = found.settings.to_json(), fresh.settings.to_json()
    if names := [name for name in new if old[name] != new[name] and name not in _MAY_CHANGE]:
        return f"{names[0]} ({old[names[0]]}, now {new[names[0]]})"
    held = [name for name in fresh.host if name not in _MAY_CHANGE]
    if names := [name for name in held if found.host.get(name) != fresh.host[name]]:
        return f"machine: {names[0]} {found.host.get(names[0])}, now {fresh.host[names[0]]}"
    if [_identity(row) for row in found.rows] != [_identity(row) for row in fresh.rows]:
        return "set of artifacts"
    return ""


def _identity(row: Row) -> tuple[Any, ...]:
    return row.bundle, row.file, row.sha256, row.batch_size, row.threads
