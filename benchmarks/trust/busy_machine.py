"""Does edge-bench say that its machine was busy, and show no ratio then that is wrong?

    python benchmarks/trust/busy_machine.py

Measures a bundle with the command line three times: quietly, while one process more than there are
CPUs is busy from before the start to after the end, and quietly again. Without ``--bundle`` the
shipped model is exported first (ONNX: FP32, dynamic INT8, static INT8), which needs PyTorch.

Writes ``busy_machine.json`` after each run; a rerun goes on. About five minutes.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import experiment
from experiment import Claim, Record

from edge_runtime.results import document, verdict
from edge_runtime.results.statistics import Estimate, paired_ratio, percentile

NAME = "busy_machine"
PHASES = ("quiet", "busy", "quiet again")
CAUSES = ("waited for a CPU", "was preempted", "other processes used")
"""How ``rules.py`` says that others wanted the CPUs too."""

CLAIMS = (
    "With all CPUs taken by other processes the verdict is not VALID, and says why",
    "The ratio measured meanwhile is not shown, or its interval contains its value on the quiet "
    "machine",
)
_SPIN = """
import os, sys
while os.getppid() == int(sys.argv[1]):  # ends with its parent, however that ends
    for _ in range(100_000):
        pass
"""


@click.command(help=__doc__)
@click.option("--rounds", default=10, show_default=True, type=click.IntRange(2))
@click.option("--min-runs", default=700, show_default=True, type=click.IntRange(1))
@click.option("--min-time", default=3.0, show_default=True, type=click.FloatRange(0))
@experiment.options(bundle=None)
def main(rounds: int, min_runs: int, min_time: float, out: Path, bundle: Path, anew: bool) -> None:
    """Take the runs that are not recorded yet."""
    with TemporaryDirectory() as scratch:
        bundle = bundle or export(Path(scratch) / "bundle", "--format", "onnx")
        jobs = experiment.artifacts(bundle)
        if {job.artifact.precision for job in jobs} <= {"fp32"} or len(jobs) < 2:
            raise click.ClickException("--bundle needs an FP32 and an INT8 artifact in ONNX")
        settings = {
            "rounds": rounds,
            "min_runs": min_runs,
            "min_time_s": min_time,
            "busy_processes": (os.cpu_count() or 1) + 1,
        }
        record = Record(NAME, out, settings, jobs, anew=anew)
        with experiment.bar(record, len(PHASES), "run") as bar:
            for phase in PHASES[len(record.trials) :]:
                with busy(settings["busy_processes"] if phase == "busy" else 0):
                    found = run([bundle], settings, Path(scratch) / f"{phase}.json")
                record.add({"phase": phase, **found})
                bar.update()
    experiment.show(claims(record.content))


def export(bundle: Path, *options: str) -> Path:
    """Export the shipped model, or the one that the options name: a module here is found."""
    command = [sys.executable, "-m", "cifarq_export", *options, "--out", str(bundle)]
    command += ["--min-speedup", "0"]  # speed is what is measured below
    done = subprocess.run(command, cwd=experiment.HERE, capture_output=True, text=True)
    if done.returncode:
        raise click.ClickException(done.stderr)
    return bundle


@contextmanager
def busy(count: int) -> Iterator[list[int]]:
    """Keep so many processes busy within the block; yields their ids."""
    command = [sys.executable, "-c", _SPIN, str(os.getpid())]
    processes = [subprocess.Popen(command) for _ in range(count)]
    try:
        time.sleep(1 if count else 0)  # until they spin
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def run(bundles: Sequence[Path], settings: dict[str, Any], file: Path) -> dict[str, Any]:
    """Run edge-bench as a user would; return its verdict, and each row's turn medians."""
    command = [sys.executable, "-m", "edge_runtime", "run", *map(str, bundles)]
    command += ["--json", str(file), "--engine", "onnxruntime"]
    command += ["--rounds", str(settings["rounds"]), "--accuracy-images", "10"]
    command += ["--min-runs", str(settings["min_runs"])]
    command += ["--min-time", str(settings["min_time_s"])]
    subprocess.run(command, stdout=subprocess.DEVNULL)
    found = document.read(file)
    experiment.require_ok(found.rows)
    judged = verdict.judge(found)
    return {
        "verdict": judged.run.to_json(),
        "rows": [
            {
                "file": row.file,
                "model": row.model,
                "precision": row.precision,
                "verdict": judged.of(row).to_json(),
                "lost_time": row.key in judged.lost_time,
                "turn_median_ns": [turn.median_ns for turn in row.turns],
            }
            for row in found.rows
        ],
    }


def speeds(trial: dict[str, Any]) -> dict[str, Estimate | None]:
    """Return how many times as fast as FP32 each other precision is, paired by round.

    None where edge-bench shows no ratio. Before it knew of lost time it showed every one.
    """
    rows = {row["precision"]: row for row in trial["rows"]}
    reference = rows.pop("fp32")
    return {name: _speed(row, reference) for name, row in rows.items()}


def _speed(row: dict[str, Any], reference: dict[str, Any]) -> Estimate | None:
    if row.get("lost_time") or reference.get("lost_time"):
        return None
    return paired_ratio(reference["turn_median_ns"], row["turn_median_ns"])


def is_right(found: Estimate | None, quiet: float) -> bool:
    """Say whether a ratio is not shown, or its interval contains the quiet machine's."""
    return found is None or found.low <= quiet <= found.high


def claims(record: dict[str, Any]) -> list[Claim]:
    """Return what was claimed beside what was found."""
    if len(record["trials"]) < len(PHASES):
        return [Claim(text, f"{len(record['trials'])} of 3 runs taken") for text in CLAIMS]
    quiet, loaded, _ = record["trials"]
    if disturbed := named(quiet):
        text = f"not decided, the quiet machine was not quiet: {disturbed[0]}"
        return [Claim(claim, text) for claim in CLAIMS]
    grade, causes = loaded["verdict"]["status"], named(loaded)
    why = causes[0] if causes else "the cause is not said"
    found, expected = speeds(loaded), {name: one for name, one in speeds(quiet).items() if one}
    right = [is_right(found[name], one.value) for name, one in expected.items()]
    shown = [
        f"{name} {found[name] or 'not shown'}, quiet {one.value:.2f}"
        for name, one in expected.items()
    ]
    return [
        Claim(
            CLAIMS[0],
            f"{grade} (quiet: {quiet['verdict']['status']}): {why}",
            grade != "VALID" and bool(causes),
        ),
        Claim(CLAIMS[1], "; ".join(shown), all(right)),
    ]


def named(trial: dict[str, Any]) -> list[str]:
    """Return the reasons of a run's verdict that name other processes as the cause."""
    reasons = trial["verdict"]["reasons"]
    return [reason for reason in reasons if any(cause in reason for cause in CAUSES)]


def details(record: dict[str, Any]) -> list[str]:
    """Return how it was measured, each run's rows and reasons, as markdown."""
    settings = record["settings"]
    lines = [
        f"{settings['busy_processes']} busy processes; {settings['rounds']} rounds, at least "
        f"{settings['min_runs']} samples and {settings['min_time_s']:g} s a row. "
        + experiment.setting(record),
        "",
        "| run | artifact | middle round's median µs | speed against FP32 | verdict |",
        "|---|---|---:|---:|---|",
    ]
    for trial in record["trials"]:
        speed = speeds(trial)
        for row in trial["rows"]:
            middle = percentile(row["turn_median_ns"], 50) / 1e3
            ratio, judged = speed.get(row["precision"], 1) or "–", row["verdict"]["status"]
            lines.append(
                f"| {trial['phase']} | {row['precision']} | {middle:,.0f} | {ratio} | {judged} |"
            )
    for trial in record["trials"]:
        lines += ["", f"{trial['phase'].capitalize()}: {trial['verdict']['status']}.", ""]
        lines += [f"- {reason}" for reason in trial["verdict"]["reasons"]]
    return lines


if __name__ == "__main__":
    main()
