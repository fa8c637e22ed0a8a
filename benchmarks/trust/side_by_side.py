"""Does ``edge-bench BEFORE AFTER --budget slower=5%`` stop what became slower, and nothing else?

    python benchmarks/trust/side_by_side.py

As ``regressions.py``, with both measured in turns: a trial is one run of an artifact beside itself,
and the command that holds its results file to the limit. In every other trial each call of the
second row is followed by a busy wait of 10 % of its own duration.

Writes ``side_by_side.json`` after each trial; a rerun goes on. About an hour.
"""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import experiment
import regressions
from experiment import Claim

from edge_runtime.measure import plan, recording, runner
from edge_runtime.results.settings import Settings
from edge_runtime.results.signed_ranks import FEWEST, paired_ratio

NAME = "side_by_side"
CLAIMS = (
    f"Measured in turns, a planted slow-down of 10 % trips `--budget {regressions.LIMIT}` in "
    f"{regressions.FOUND} of {regressions.OF} runs or more",
    f"An artifact beside itself trips it in {regressions.FALSE_ALARMS} of {regressions.OF} or less",
)


@click.command(help=__doc__)
@click.option(
    "--trials",
    default=regressions.OF,
    show_default=True,
    type=click.IntRange(1),
    help="Each kind.",
)
@click.option("--rounds", default=10, show_default=True, type=click.IntRange(FEWEST))
@click.option("--min-runs", default=700, show_default=True, type=click.IntRange(1))
@click.option("--min-time", default=20.0, show_default=True, type=click.FloatRange(0))
@experiment.options()
def main(
    trials: int, rounds: int, min_runs: int, min_time: float, out: Path, bundle: Path, anew: bool
) -> None:
    """Make the trials that are not recorded yet."""
    how = {"trials": trials, "rounds": rounds, "min_runs": min_runs, "min_time_s": min_time}
    experiment.show(claims(regressions.make_trials(NAME, how, compare, out, bundle, anew=anew)))


def compare(job: plan.Job, how: Settings, slowed: bool) -> dict[str, Any]:
    """Measure an artifact beside itself, and hold the file to the limit."""
    jobs = (replace(job, name="before"), replace(job, name="after"))

    def start(one: plan.Job) -> list[str]:
        slow = slowed and one is jobs[1]
        return list(regressions.slowed_start(one) if slow else runner.standard(one))

    with TemporaryDirectory() as scratch:
        file = Path(scratch) / "both.json"
        rows = recording.new(plan.Plan(jobs, how), file).run(start=start).rows
        experiment.require_ok(rows)
        ended = regressions.end_of("report", file, "--budget", regressions.LIMIT)
    fastest = [[turn.fastest_ns for turn in row.turns] for row in rows]
    return {**ended, "turn_fastest_ns": fastest}


def claims(record: dict[str, Any]) -> list[Claim]:
    """Return what was claimed beside what was found."""
    return regressions.claims(record, CLAIMS)


def details(record: dict[str, Any]) -> list[str]:
    """Return how it was measured, and how far the rows were apart, as markdown."""
    settings = record["settings"]
    how = (
        f"One run of two rows, {settings['rounds']} rounds, at least {settings['min_runs']} "
        f"samples and {settings['min_time_s']:g} s a row; batch 1, one thread; trials of both "
        "kinds take turns. " + experiment.setting(record)
    )
    return [how, "", *regressions.table(record, paired_ratio, "turn_fastest_ns")]


if __name__ == "__main__":
    main()
