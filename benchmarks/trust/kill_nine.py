"""What does kill -9 leave behind?

    python benchmarks/trust/kill_nine.py

Kills a running edge-bench (4 rounds of two rows), or the process that measures for it, at a random
moment. The run notes in a log of its own which rounds have ended. Then the result file has to be
readable, to hold what the log holds and at most one turn more, and:

after the parent's end its child has to end at once, and ``--resume`` to finish the run;
after a child's end the run has to go on without its row, say so, and exit with 1.

Writes ``kill_nine.json`` after each kill; a rerun goes on. About ten minutes. Linux only.
"""

import random
import signal
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import experiment
import processes
import victim
from experiment import Claim, Record
from victim import Victim

from edge_runtime.errors import BundleError
from edge_runtime.results.rows import Results, Status

NAME = "kill_nine"
SEED = 0
GONE_S = 0.2
"""A child that its parent's death ends is gone within 10 ms or so; one that goes on to the end of
its turn is there for several times as long as this."""

CLAIMS = (
    "After kill -9 of the parent or of a child the result file is readable and holds every round "
    "that was finished; the run goes on, or can be resumed",
    "No child outlives a parent that was killed",
)


@click.command(help=__doc__)
@click.option("--kills", default=100, show_default=True, type=click.IntRange(1))
@click.option("--rounds", default=4, show_default=True, type=click.IntRange(1))
@experiment.options()
def main(kills: int, rounds: int, out: Path, bundle: Path, anew: bool) -> None:
    """Make the kills that are not recorded yet."""
    job = experiment.artifacts(bundle)[0]
    settings = {"kills": kills, "rounds": rounds, "arguments": victim.QUICK, "seed": SEED}
    record = Record(NAME, out, settings, (job,), anew=anew)
    what = job.bundle / job.artifact.file
    typical_s = length_s(what, rounds) if len(record.trials) < kills else 0.0
    with experiment.bar(record, kills, "kill") as bar:
        for number in range(len(record.trials), kills):
            record.add(trial(what, rounds, number, typical_s))
            bar.update()
    experiment.show(claims(record.content))


def length_s(what: Path, rounds: int) -> float:
    """Return how long a run takes that nobody kills."""
    with TemporaryDirectory() as scratch:
        started = time.monotonic()
        if code := victim.end(Victim(what, rounds, Path(scratch)).start()):
            raise click.ClickException(f"edge-bench exits with {code} before anything is killed")
        return time.monotonic() - started


def trial(what: Path, rounds: int, number: int, typical_s: float) -> dict[str, Any]:
    """Kill a run's parent or child, alternately; what comes too late to is not counted."""
    kind = ("parent", "child")[number % 2]
    draw = random.Random(f"{SEED}:{number}")
    for missed in range(100):
        delay_s = draw.uniform(0, typical_s)
        with TemporaryDirectory() as scratch:
            run = Victim(what, rounds, Path(scratch))
            process = run.start()
            try:
                killed_s = victim.kill(process, kind, delay_s)
                if killed_s is not None:
                    check = after_parent if kind == "parent" else after_child
                    found = check(run, process, rounds)
                    return {"killed": kind, "after_s": killed_s, "missed": missed, **found}
            finally:
                victim.sweep(process)
    raise click.ClickException(f"no {kind} to kill in 100 runs")


def after_parent(run: Victim, process: "subprocess.Popen[bytes]", rounds: int) -> dict[str, Any]:
    """Look at the file, wait for the child, resume."""
    problems = [] if process.wait() == -signal.SIGKILL else [f"exit code {process.returncode}"]
    gone_s = processes.gone_after_s(process.pid, victim.PATIENCE_S)
    found = _compared(run, problems)
    leftovers = run.leftovers()
    code, resumed = victim.end(run.start("--resume")), _readable(run)
    if code != 0 or resumed is None or resumed.rounds_done != rounds:
        problems.append(f"resumed: exit code {code}, {resumed and resumed.rounds_done} rounds")
    return {**found, "child_gone_s": gone_s, "leftovers": leftovers, "problems": problems}


def after_child(run: Victim, process: "subprocess.Popen[bytes]", rounds: int) -> dict[str, Any]:
    """Let the run come to its end, and look for the row that lost its process."""
    problems: list[str] = []
    if (code := victim.end(process)) != 1:
        problems.append(f"exit code {code}, not 1")
    found = _compared(run, problems)
    rows = results.rows if (results := _readable(run)) else ()
    crashed = [row for row in rows if row.status is Status.CRASHED and "SIGKILL" in row.message]
    if len(crashed) != 1:
        problems.append(f"{len(crashed)} rows crashed by SIGKILL")
    if [len(row.turns) for row in rows if row not in crashed] != [rounds] * (len(rows) - 1):
        problems.append("the other row does not have all rounds")
    return {**found, "leftovers": run.leftovers(), "problems": problems}


def _compared(run: Victim, problems: list[str]) -> dict[str, Any]:
    """Compare the file with the log, and add what is wrong to the problems."""
    turns, ended = run.logged()
    try:
        results = run.results()
    except BundleError as error:
        problems.append(f"unreadable: {str(error).replace(str(run.file), 'it')}")
        results = None
    held = sum(len(row.turns) for row in results.rows) if results else 0
    rounds = results.rounds_done if results else 0
    if rounds < ended:
        problems.append(f"round {ended} had ended, the file holds {rounds}")
    if not turns <= held <= turns + 1:
        problems.append(f"{turns} turns were logged, the file holds {held}")
    return {"rounds": rounds, "rounds_ended": ended, "turns": held, "turns_logged": turns}


def _readable(run: Victim) -> Results | None:
    try:
        return run.results()
    except BundleError:
        return None


def claims(record: dict[str, Any]) -> list[Claim]:
    """Return what was claimed beside what was found."""
    trials, asked = record["trials"], record["settings"]["kills"]
    if len(trials) < asked:
        return [Claim(text, f"{len(trials)} of {asked} kills made") for text in CLAIMS]
    wrong = [problem for trial in trials for problem in trial["problems"]]
    fine = sum(not trial["problems"] for trial in trials)
    parents = [trial for trial in trials if trial["killed"] == "parent"]
    late = sum(t["child_gone_s"] is None or t["child_gone_s"] > GONE_S for t in parents)
    return [
        Claim(CLAIMS[0], f"{fine} of {asked}" + (f"; {wrong[0]}" if wrong else ""), not wrong),
        Claim(
            CLAIMS[1],
            f"{late} of {len(parents)} killed parents left a child for more than {GONE_S:g} s",
            not late,
        ),
    ]


def details(record: dict[str, Any]) -> list[str]:
    """Return how it was measured, as lines of markdown."""
    trials, settings = record["trials"], record["settings"]
    children = sum(trial["killed"] == "child" for trial in trials)
    moments = [trial["after_s"] for trial in trials]
    gone = [t["child_gone_s"] for t in trials if t.get("child_gone_s") is not None]
    lines = [
        f"{len(trials) - children} parents and {children} children killed, {min(moments):.1f} to "
        f"{max(moments):.1f} s after the start, in runs of {settings['rounds']} rounds of two "
        f"rows; {sum(trial['turns'] for trial in trials):,} turns were in the files. Children of "
        f"killed parents were gone after {max(gone, default=0):.2f} s at most. Temporary files "
        f"left beside the results: {sum(trial['leftovers'] for trial in trials)}. "
        + experiment.setting(record)
    ]
    wrong = [(i, problem) for i, trial in enumerate(trials, 1) for problem in trial["problems"]]
    return lines + [""] * bool(wrong) + [f"- kill {i}: {problem}" for i, problem in wrong]


if __name__ == "__main__":
    main()
