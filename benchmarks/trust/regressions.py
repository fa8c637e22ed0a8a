"""Does ``edge-bench compare --fail-if slower=5%`` stop what became slower, and nothing else?

    python benchmarks/trust/regressions.py

A trial is two runs of an artifact, one after the other as in a CI job, each in a results file, and
the command that compares the files. In every other trial the second run's calls are followed by a
busy wait of 10 % of their own duration; exit code 1 stops it. In the others nothing changed between
the runs but the machine. Exit code 3, *cannot tell*, stops nothing. ``side_by_side.py`` measures
both in one run.

Writes ``regressions.json`` after each trial; a rerun goes on. About 20 minutes.
"""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import experiment
from experiment import Claim, Record

from edge_runtime.measure import plan, recording, runner
from edge_runtime.results import limits
from edge_runtime.results.settings import Settings
from edge_runtime.results.statistics import Estimate, percentile, unpaired_ratio

NAME = "regressions"
FACTOR, LIMIT = 1.10, "slower=5%"
FOUND, FALSE_ALARMS = 28, 1
"""Of 30 trials: at least, and at most."""

OF = 30
CLAIMS = (
    f"A planted slow-down of 10 % trips `--fail-if {LIMIT}` in {FOUND} of {OF} runs or more",
    f"A run compared with one of the same artifact trips it in {FALSE_ALARMS} of {OF} or less",
)
EXITS = {0: "passed", 1: "tripped", limits.CANNOT_TELL: "could not be told"}


@click.command(help=__doc__)
@click.option("--trials", default=OF, show_default=True, type=click.IntRange(1), help="Each kind.")
@click.option("--rounds", default=10, show_default=True, type=click.IntRange(2))
@click.option("--min-runs", default=700, show_default=True, type=click.IntRange(1))
@click.option("--min-time", default=3.0, show_default=True, type=click.FloatRange(0))
@experiment.options()
def main(
    trials: int, rounds: int, min_runs: int, min_time: float, out: Path, bundle: Path, anew: bool
) -> None:
    """Make the trials that are not recorded yet."""
    how = {"trials": trials, "rounds": rounds, "min_runs": min_runs, "min_time_s": min_time}
    experiment.show(claims(make_trials(NAME, how, compare, out, bundle, anew=anew)))


Compare = Callable[[plan.Job, Settings, bool], dict[str, Any]]
"""Measures an artifact twice, the second time slowed or not; returns what came of it."""


def make_trials(
    name: str, how: dict[str, Any], one: Compare, out: Path, bundle: Path, *, anew: bool
) -> dict[str, Any]:
    """Make the trials of an experiment that are not recorded yet, and return its record.

    Args:
        name: of the experiment.
        how: ``trials`` of each kind; ``rounds``, ``min_runs`` and ``min_time_s`` of a run.
        one: makes a trial.
        out: the folder of the record.
        bundle: of the artifact.
        anew: whether to start afresh.
    """
    job = experiment.artifacts(bundle)[0]
    settings = {**how, "planted_factor": FACTOR, "limit": LIMIT}
    record = Record(name, out, settings, (job,), anew=anew)
    total = 2 * how["trials"]
    run = Settings(
        rounds=how["rounds"],
        min_runs=how["min_runs"],
        min_time_s=how["min_time_s"],
        accuracy_images=1,
    )
    with experiment.bar(record, total, "trial") as bar:
        for seed in range(len(record.trials), total):
            slowed = seed % 2 == 1
            found = one(job, replace(run, seed=seed), slowed)
            record.add({"slowed": slowed, "seed": seed, **found})
            bar.update()
    return record.content


def slowed_start(job: plan.Job) -> list[str]:
    """Return the command of a measuring process whose calls take longer."""
    return experiment.script("slowed_worker.py", FACTOR)


def compare(job: plan.Job, how: Settings, slowed: bool) -> dict[str, Any]:
    """Make two runs of an artifact and compare their files."""
    medians = []
    starts = {"before": runner.standard, "after": slowed_start if slowed else runner.standard}
    with TemporaryDirectory() as scratch:
        files = {Path(scratch) / f"{name}.json": start for name, start in starts.items()}
        for file, start in files.items():
            rows = recording.new(plan.Plan((job,), how), file).run(start=start).rows
            experiment.require_ok(rows)
            medians.append([turn.median_ns for turn in rows[0].turns])
        ended = end_of("compare", *files, "--fail-if", LIMIT)
    return {**ended, "turn_median_ns": medians}


def end_of(*arguments: object) -> dict[str, Any]:
    """Run edge-bench, and return how it ended and what it said on standard error."""
    command = [sys.executable, "-m", "edge_runtime", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in EXITS:
        raise click.ClickException(done.stderr)
    return {"exit_code": done.returncode, "said": done.stderr.strip()}


def exits(record: dict[str, Any], *, slowed: bool) -> Counter[int]:
    """Return how often the command ended with each exit code."""
    return Counter(t["exit_code"] for t in record["trials"] if t["slowed"] is slowed)


def claims(record: dict[str, Any], texts: tuple[str, str] = CLAIMS) -> list[Claim]:
    """Return what was claimed of either kind beside what was found."""
    return [_claim(record, texts[0], slowed=True), _claim(record, texts[1], slowed=False)]


def _claim(record: dict[str, Any], text: str, *, slowed: bool) -> Claim:
    found, asked = exits(record, slowed=slowed), record["settings"]["trials"]
    done = found.total()
    if done < asked:
        return Claim(text, f"{done} of {asked} trials made")
    parts = [f"{count} {EXITS[code]}" for code, count in sorted(found.items())]
    allowed = FOUND if slowed else FALSE_ALARMS
    fine = OF * found[1] >= allowed * done if slowed else OF * found[1] <= allowed * done
    return Claim(text, f"of {done} trials {', '.join(parts)}", fine)


def details(record: dict[str, Any]) -> list[str]:
    """Return how it was measured, and how far the runs were apart, as markdown."""
    settings = record["settings"]
    how = (
        f"Two runs one after the other, {settings['rounds']} rounds each, at least "
        f"{settings['min_runs']} samples and {settings['min_time_s']:g} s; batch 1, one thread; "
        "trials of both kinds take turns. " + experiment.setting(record)
    )
    return [how, "", *table(record, unpaired_ratio)]


def table(
    record: dict[str, Any],
    ratio: Callable[[Sequence[float], Sequence[float]], Estimate],
    figure: str = "turn_median_ns",
) -> list[str]:
    """Return how much slower the second was in all trials, and how they ended, as markdown.

    Args:
        record: of the trials.
        ratio: of the later turns' figures to those of the others.
        figure: what a trial holds of each turn.
    """
    lines = [
        "| the second | trials | slower by %: middle | least | most | passed / tripped / untold |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for slowed, name in ((False, "the same"), (True, "10 % slower")):
        pairs = [t[figure] for t in record["trials"] if t["slowed"] is slowed]
        found = sorted(100 * (ratio(after, before).value - 1) for before, after in pairs)
        if found:
            counts = exits(record, slowed=slowed)
            ends = " / ".join(str(counts[code]) for code in EXITS)
            middle = percentile(found, 50)
            figures = f"{middle:.1f} | {found[0]:.1f} | {found[-1]:.1f}"
            lines.append(f"| {name} | {len(found)} | {figures} | {ends} |")
    return lines


if __name__ == "__main__":
    main()
