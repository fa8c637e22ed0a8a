"""Does edge-bench read the same time as a plain loop does?

    python benchmarks/trust/harness.py

A pair is one turn of edge-bench and one process of ``plain_loop.py``, which shares no code with it:
the same artifact, image and thread count, single calls, in random order. The ratio of their medians
is paired. What the harness itself costs a call is measured in each turn with the null engine.

Writes ``harness.json`` after each pair; a rerun goes on. About a minute and a half.
"""

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import experiment
from experiment import HERE, Claim, Record

from edge_runtime.measure import child, plan, runner
from edge_runtime.results.settings import Settings
from edge_runtime.results.statistics import Estimate, paired_ratio, percentile

NAME = "harness"
SEED = 0
BAND = (0.98, 1.02)
OVERHEAD_NS = 1000
CLAIMS = (
    f"edge-bench reads the time of a plain loop: the ratio's interval overlaps {BAND[0]}-{BAND[1]}",
    "The harness costs less than 1 µs a call, in every turn",
)


@click.command(help=__doc__)
@click.option("--pairs", default=20, show_default=True, type=click.IntRange(1))
@click.option("--calls", default=700, show_default=True, type=click.IntRange(1))
@click.option("--warm-up", default=150, show_default=True, help="Calls of the plain loop.")
@experiment.options()
def main(pairs: int, calls: int, warm_up: int, out: Path, bundle: Path, anew: bool) -> None:
    """Measure the pairs that are not recorded yet."""
    job = experiment.artifacts(bundle)[0]
    settings = {"pairs": pairs, "calls": calls, "warm_up": warm_up, "seed": SEED}
    record = Record(NAME, out, settings, (job,), anew=anew)
    with experiment.bar(record, pairs, "pair") as bar:
        for number in range(len(record.trials), pairs):
            order = random.Random(f"{SEED}:{number}").sample(["edge_bench", "plain_loop"], 2)
            found: dict[str, Any] = {"order": order}
            for side in order:
                found[side] = (
                    turn(job, calls) if side == "edge_bench" else plain(job, warm_up, calls)
                )
            record.add(found)
            bar.update()
    experiment.show(claims(record.content))


def turn(job: plan.Job, calls: int) -> dict[str, Any]:
    """Take one turn with edge-bench's own parent and worker."""
    settings = Settings(rounds=1, min_runs=calls, min_time_s=0, accuracy_images=1)
    *_, step = runner.run(plan.Plan((job,), settings))
    experiment.require_ok(step.rows)
    (found,) = step.rows[0].turns
    return {
        "samples_ns": list(found.samples_ns),
        "calls_per_sample": found.calls_per_sample,
        "overhead_ns": found.overhead_ns,
    }


def plain(job: plan.Job, warm_up: int, calls: int) -> dict[str, Any]:
    """Run the loop that knows nothing of edge-bench."""
    where = [str(job.bundle.resolve()), job.artifact.file]
    command = [sys.executable, str(HERE / "plain_loop.py"), *where, str(warm_up), str(calls)]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, env=child.environment(1), text=True
    )
    return {"samples_ns": json.loads(done.stdout)}


def medians(record: dict[str, Any], side: str) -> list[float]:
    """Return the median duration of a call of each pair's side."""
    sides = [trial[side] for trial in record["trials"]]
    return [percentile(s["samples_ns"], 50) / s.get("calls_per_sample", 1) for s in sides]


def ratio(record: dict[str, Any]) -> Estimate:
    """Return how many times as long a call takes by edge-bench's reading."""
    return paired_ratio(medians(record, "edge_bench"), medians(record, "plain_loop"))


def claims(record: dict[str, Any]) -> list[Claim]:
    """Return what was claimed beside what was found."""
    done, asked = len(record["trials"]), record["settings"]["pairs"]
    if done < max(asked, 2):
        return [Claim(text, f"{done} of {asked} pairs measured") for text in CLAIMS]
    found = ratio(record)
    overheads = [trial["edge_bench"]["overhead_ns"] for trial in record["trials"]]
    close = found.low <= BAND[1] and found.high >= BAND[0]
    return [
        Claim(
            CLAIMS[0],
            f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}] over {done} pairs of processes",
            close,
        ),
        Claim(
            CLAIMS[1],
            f"{percentile(overheads, 50):,.0f} ns (middle turn), {max(overheads):,} ns (worst)",
            max(overheads) < OVERHEAD_NS,
        ),
    ]


def details(record: dict[str, Any]) -> list[str]:
    """Return how it was measured, as lines of markdown."""
    settings = record["settings"]
    own, other = (
        percentile(medians(record, side), 50) / 1e3 for side in ("edge_bench", "plain_loop")
    )
    return [
        f"{settings['pairs']} pairs of fresh processes in random order, {settings['calls']} single "
        f"calls each, one thread; the plain loop warms up for {settings['warm_up']} calls, "
        f"edge-bench until two windows agree. Middle median: edge-bench {own:,.0f} µs, plain loop "
        f"{other:,.0f} µs. " + experiment.setting(record)
    ]


if __name__ == "__main__":
    main()
