"""On a busy machine, is a ratio that edge-bench shows the quiet one's, however long a call takes?

    python benchmarks/trust/busy_ratios.py

Short calls fit between two preemptions and long ones do not, so a ratio that is measured on a busy
machine may be far from the quiet machine's. Three networks whose FP32 calls take about 0.2, 2 and
10 ms are exported (ONNX: FP32, static INT8; needs PyTorch) and measured together by the command
line: in one run on the quiet machine, then in twenty while three processes are busy. A quiet run
that shows no ratio, as beside other virtual machines, is taken again.

Writes ``busy_ratios.json`` after each run; a rerun goes on. About a quarter of an hour.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import busy_machine
import click
import experiment
from busy_machine import busy, is_right, speeds
from experiment import Claim, Record

from edge_runtime.results.statistics import Estimate, percentile

NAME = "busy_ratios"
NETWORKS = {"fast": "0.2 ms", "middle": "2 ms", "slow": "10 ms"}
"""The functions of ``networks.py``, and about how long an FP32 call takes."""
INT8 = "int8-static"
BUSY_PROCESSES = 3
SHARE = 0.9

CLAIMS = (
    f"With {BUSY_PROCESSES} processes busy, for calls of {', '.join(NETWORKS.values())}, in "
    f"{100 * SHARE:.0f} % of runs or more: a ratio is not shown, or its interval contains its "
    "value on the quiet machine",
)


@click.command(help=__doc__)
@click.option("--runs", default=20, show_default=True, type=click.IntRange(1))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(2))
@click.option("--quiet-rounds", default=10, show_default=True, type=click.IntRange(2))
@click.option("--quiet-attempts", default=3, show_default=True, type=click.IntRange(1))
@click.option("--min-runs", default=10, show_default=True, type=click.IntRange(1))
@click.option("--min-time", default=0.3, show_default=True, type=click.FloatRange(0))
@click.option("--out", default=experiment.OUT, type=click.Path(path_type=Path))
@click.option("--anew", is_flag=True, help="Start afresh, whatever is recorded.")
def main(out: Path, anew: bool, **numbers: Any) -> None:
    """Take the runs that are not recorded yet."""
    settings = {
        "runs": numbers["runs"],
        "rounds": numbers["rounds"],
        "quiet_rounds": numbers["quiet_rounds"],
        "min_runs": numbers["min_runs"],
        "min_time_s": numbers["min_time"],
        "busy_processes": BUSY_PROCESSES,
    }
    with TemporaryDirectory() as scratch:
        bundles = [export(Path(scratch) / name, name) for name in NETWORKS]
        jobs = tuple(job for bundle in bundles for job in experiment.artifacts(bundle))
        record = Record(NAME, out, settings, jobs, anew=anew)
        phases = ["quiet", *["busy"] * settings["runs"]]
        with experiment.bar(record, len(phases), "run") as bar:
            how_quiet = {**settings, "rounds": settings["quiet_rounds"]}
            for phase in phases[len(record.trials) :]:
                quiet = phase == "quiet"
                how = how_quiet if quiet else settings
                with busy(0 if quiet else BUSY_PROCESSES):
                    found = busy_machine.run(bundles, how, Path(scratch) / "results.json")
                record.add({"phase": phase, **found})
                bar.update()
        for _ in range(numbers["quiet_attempts"] - 1):
            if not _disturbed(record.trials[0]):
                break
            found = busy_machine.run(bundles, how_quiet, Path(scratch) / "results.json")
            record.replace(0, {"phase": "quiet", **found})
    experiment.show(claims(record.content))


def export(bundle: Path, name: str) -> Path:
    """Export one of the networks; what it answers is no question here."""
    return busy_machine.export(
        bundle,
        *("--model", f"networks:{name}", "--input-shape", "3,32,32"),
        *("--format", "onnx", "--precision", f"fp32,{INT8}", "--force", "--fallback-trials", "0"),
        *("--validation-images", "16", "--calibration-images", "32"),
    )


def speed(trial: dict[str, Any], name: str) -> Estimate | None:
    """Return how many times as fast as FP32 a network's INT8 is; None where that is not shown."""
    return speeds({"rows": [row for row in trial["rows"] if row["model"] == name]})[INT8]


def _disturbed(quiet: dict[str, Any]) -> str:
    """Say why a quiet run tells nothing; '' if it does."""
    if disturbed := busy_machine.named(quiet):
        return f"the quiet machine was not quiet: {disturbed[0]}"
    silent = [name for name in NETWORKS if speed(quiet, name) is None]
    return f"{silent[0]} has no ratio on the quiet machine" if silent else ""


def claims(record: dict[str, Any]) -> list[Claim]:
    """Return what was claimed beside what was found.

    A network's value on the quiet machine decides only where a busy run shows a ratio of it.
    """
    runs, trials = record["settings"]["runs"], record["trials"]
    if len(trials) < 1 + runs:
        return [Claim(CLAIMS[0], f"{max(0, len(trials) - 1)} of {runs} runs taken")]
    quiet, *loaded = trials
    disturbed = _disturbed(quiet)
    parts, enough = [], []
    for name, length in NETWORKS.items():
        shown = [one for trial in loaded if (one := speed(trial, name)) is not None]
        if shown and disturbed:
            return [Claim(CLAIMS[0], f"not decided, {disturbed}")]
        expected = speed(quiet, name)
        right = runs - sum(not is_right(one, expected.value) for one in shown if expected)
        parts.append(
            f"{length}: {right} of {runs}, {runs - len(shown)} not shown "
            f"(quiet {expected or 'not shown'})"
        )
        enough.append(right >= SHARE * runs)
    return [Claim(CLAIMS[0], "; ".join(parts), all(enough))]


def details(record: dict[str, Any]) -> list[str]:
    """Return how it was measured, and what the networks came to, as markdown."""
    settings = record["settings"]
    quiet, *loaded = record["trials"]
    lines = [
        f"{settings['busy_processes']} busy processes; {settings['rounds']} rounds a run, "
        f"{settings['quiet_rounds']} on the quiet machine, at least {settings['min_runs']} samples "
        f"and {settings['min_time_s']:g} s a row. " + experiment.setting(record),
        "",
        "| network | quiet FP32 µs | quiet speed | busy runs that show a ratio | those ratios |",
        "|---|---:|---:|---:|---|",
    ]
    for name in NETWORKS:
        (fp32,) = (r for r in quiet["rows"] if (r["model"], r["precision"]) == (name, "fp32"))
        shown = [str(one) for trial in loaded if (one := speed(trial, name)) is not None]
        lines.append(
            f"| {name} | {percentile(fp32['turn_median_ns'], 50) / 1e3:,.0f} | "
            f"{speed(quiet, name) or '–'} | {len(shown)} of {len(loaded)} | "
            f"{', '.join(shown) or '–'} |"
        )
    return lines


if __name__ == "__main__":
    main()
