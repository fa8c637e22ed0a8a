"""How often does edge-bench see a difference where there is none, and miss one that there is?

    python benchmarks/trust/false_alarms.py

A/A: an artifact is compared with itself, two rows of one run; an alarm is an interval of the speed
that does not hold 1. Planted: the second row's calls are followed by a busy wait of 5 % of their
own duration; it is found where the whole interval lies below 1.

Writes ``false_alarms.json`` after each comparison (each has its own order of turns, from its seed);
a rerun goes on. About 50 minutes.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import experiment
from experiment import Claim, Record

from edge_runtime.measure import plan, runner
from edge_runtime.results.settings import Settings
from edge_runtime.results.statistics import Estimate, paired_ratio, percentile

NAME = "false_alarms"
CALLS, TURN_S = 40, 0.06
"""A turn is so many calls and so many seconds of them, at least."""

FACTOR = 1.05
FALSE_ALARMS, FOUND = 0.05, 0.80
CLAIMS = (
    "An artifact compared with itself raises an alarm in 5 % of comparisons or less: the exact "
    "interval of the rate includes 5 % or lies below",
    "A planted slow-down of 5 % is found in 80 % of runs or more",
)


@click.command(help=__doc__)
@click.option("--comparisons", default=200, show_default=True, type=click.IntRange(0))
@click.option("--rounds", default=10, show_default=True, type=click.IntRange(2))
@click.option("--planted", default=30, show_default=True, type=click.IntRange(0))
@click.option("--planted-rounds", default=20, show_default=True, type=click.IntRange(2))
@experiment.options()
def main(
    comparisons: int,
    rounds: int,
    planted: int,
    planted_rounds: int,
    out: Path,
    bundle: Path,
    anew: bool,
) -> None:
    """Make the comparisons that are not recorded yet."""
    job = experiment.artifacts(bundle)[0]
    settings = {
        "comparisons": comparisons,
        "rounds": rounds,
        "planted": planted,
        "planted_rounds": planted_rounds,
        "planted_factor": FACTOR,
        "calls_a_turn": CALLS,
        "seconds_a_turn": TURN_S,
    }
    record = Record(NAME, out, settings, (job,), anew=anew)
    total = comparisons + planted
    with experiment.bar(record, total, "comparison") as bar:
        for seed in range(len(record.trials), total):
            slowed = seed >= comparisons
            medians = compare(job, planted_rounds if slowed else rounds, seed, slowed=slowed)
            record.add({"slowed": slowed, "seed": seed, "turn_median_ns": medians})
            bar.update()
    experiment.show(claims(record.content))


def compare(job: plan.Job, rounds: int, seed: int, *, slowed: bool) -> list[list[float]]:
    """Measure an artifact twice in one run; return the medians of the turns of both rows."""
    settings = Settings(
        rounds=rounds,
        min_runs=CALLS * rounds,
        min_time_s=TURN_S * rounds,
        accuracy_images=1,
        seed=seed,
    )
    jobs = (job, replace(job))

    def start(one: plan.Job) -> list[str]:
        if slowed and one is jobs[1]:
            return experiment.script("slowed_worker.py", FACTOR)
        return list(runner.standard(one))

    *_, step = runner.run(plan.Plan(jobs, settings), start=start)
    experiment.require_ok(step.rows)
    return [[turn.median_ns for turn in row.turns] for row in step.rows]


def trials(record: dict[str, Any], *, slowed: bool) -> list[dict[str, Any]]:
    """Return the A/A comparisons, or those with a planted slow-down."""
    return [trial for trial in record["trials"] if trial["slowed"] is slowed]


def speed(trial: dict[str, Any], rounds: int | None = None) -> Estimate:
    """Return how many times as fast the second row is, as ``Row.speed_against`` has it.

    Args:
        trial: a comparison.
        rounds: only so many of its first rounds.
    """
    first, second = (medians[:rounds] for medians in trial["turn_median_ns"])
    return paired_ratio(first, second)


def alarms(record: dict[str, Any]) -> int:
    """Return in how many A/A comparisons the interval does not hold 1."""
    found = [speed(trial) for trial in trials(record, slowed=False)]
    return sum(not one.low <= 1 <= one.high for one in found)


def found_after(record: dict[str, Any]) -> dict[int, int]:
    """Return in how many planted runs the slow-down is found, by the rounds looked at."""
    runs = trials(record, slowed=True)
    counts = range(2, record["settings"]["planted_rounds"] + 1)
    return {k: sum(speed(trial, k).high < 1 for trial in runs) for k in counts}


def rounds_needed(record: dict[str, Any]) -> int | None:
    """Return from how many rounds on the slow-down is always found often enough; None if never."""
    found = found_after(record)
    often = FOUND * len(trials(record, slowed=True))
    enough = None
    for rounds in sorted(found, reverse=True):
        if found[rounds] < often:
            break
        enough = rounds
    return enough


def claims(record: dict[str, Any]) -> list[Claim]:
    """Return what was claimed beside what was found."""
    settings = record["settings"]
    return [
        _alarm_claim(record, settings["comparisons"]),
        _planted_claim(record, settings["planted"]),
    ]


def _alarm_claim(record: dict[str, Any], asked: int) -> Claim:
    done = len(trials(record, slowed=False))
    if done < max(asked, 1):
        return Claim(CLAIMS[0], f"{done} of {asked} comparisons made")
    rate = experiment.clopper_pearson(alarms(record), done)
    shown = rate.scaled(100)
    measured = (
        f"{alarms(record)} alarms in {done} comparisons of {record['settings']['rounds']} rounds: "
        f"{shown.value:.1f} % [{shown.low:.1f}, {shown.high:.1f}]"
    )
    return Claim(CLAIMS[0], measured, rate.low <= FALSE_ALARMS)


def _planted_claim(record: dict[str, Any], asked: int) -> Claim:
    done = len(trials(record, slowed=True))
    if done < max(asked, 1):
        return Claim(CLAIMS[1], f"{done} of {asked} runs made")
    needed, most = rounds_needed(record), record["settings"]["planted_rounds"]
    measured = f"in {found_after(record)[most]} of {done} runs of {most} rounds; " + (
        f"in 80 % or more from {needed} rounds on" if needed else "never in 80 % or more to the end"
    )
    return Claim(CLAIMS[1], measured, needed is not None)


def details(record: dict[str, Any]) -> list[str]:
    """Return how it was measured, and what is found after how many rounds, as markdown."""
    settings, found = record["settings"], found_after(record)
    planted = sorted(speed(trial).value for trial in trials(record, slowed=True))
    return [
        f"A turn is {settings['calls_a_turn']} calls and {settings['seconds_a_turn']:g} s of them, "
        "at least, in a fresh process; batch 1, one thread. "
        + (
            f"A slow-down that gives a speed of {1 / settings['planted_factor']:.3f} was read as "
            f"{percentile(planted, 50):.3f} in the middle run, {planted[0]:.3f} to "
            f"{planted[-1]:.3f} in all. "
            if planted
            else ""
        )
        + experiment.setting(record),
        "",
        "| rounds | " + " | ".join(map(str, found)) + " |",
        "|---|" + "---:|" * len(found),
        f"| runs of {settings['planted']} that find the slow-down | "
        + " | ".join(map(str, found.values()))
        + " |",
    ]


if __name__ == "__main__":
    main()
