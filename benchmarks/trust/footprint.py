"""How soon is edge-bench there, and how much memory does it hold while others measure?

    python benchmarks/trust/footprint.py

Times ``edge-bench --help`` as whole processes, between starts of the interpreter alone, in random
order; then measures a bundle and reads the peak memory of the process that waits (Linux only).

Writes ``footprint.json`` as it goes; a rerun goes on. About half a minute.
"""

import random
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import experiment
from experiment import Claim, Record

from edge_runtime.results.statistics import percentile

NAME = "footprint"
SEED = 0
HELP_S, PARENT_MB = 0.2, 40
MB = 2**20
COMMANDS = {"help": ["-m", "edge_runtime", "--help"], "interpreter": ["-c", "pass"]}
CLAIMS = (
    f"`edge-bench --help` is there within {HELP_S:g} s",
    f"The process that waits while others measure stays under {PARENT_MB} MB",
)


@click.command(help=__doc__)
@click.option("--repeats", default=20, show_default=True, type=click.IntRange(1))
@click.option("--rounds", default=10, show_default=True, type=click.IntRange(1))
@click.option("--min-runs", default=700, show_default=True, type=click.IntRange(1))
@click.option("--min-time", default=3.0, show_default=True, type=click.FloatRange(0))
@experiment.options()
def main(
    repeats: int,
    rounds: int,
    min_runs: int,
    min_time: float,
    out: Path,
    bundle: Path,
    anew: bool,
) -> None:
    """Take the measurements that are not recorded yet."""
    job = experiment.artifacts(bundle)[0]
    settings = {
        "repeats": repeats,
        "rounds": rounds,
        "min_runs": min_runs,
        "min_time_s": min_time,
        "seed": SEED,
    }
    record = Record(NAME, out, settings, (job,), anew=anew)
    with experiment.bar(record, repeats + 1, "measurement") as bar:
        for number in range(len(record.trials), repeats):
            order = random.Random(f"{SEED}:{number}").sample(list(COMMANDS), len(COMMANDS))
            record.add({name: wall_ns(COMMANDS[name]) for name in order})
            bar.update()
        if len(record.trials) == repeats:
            record.add({"parent_peak_bytes": peak_bytes(job.bundle, settings)})
            bar.update()
    experiment.show(claims(record.content))


def wall_ns(arguments: list[str]) -> int:
    """Return how long a Python process takes from its start to its end."""
    started = time.perf_counter_ns()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter_ns() - started


def peak_bytes(bundle: Path, settings: dict[str, Any]) -> int:
    """Run edge-bench on a bundle; return the largest resident set of its parent process."""
    with TemporaryDirectory() as scratch:
        peak = Path(scratch) / "peak"
        arguments = ["run", bundle, "--json", Path(scratch) / "results.json"]
        arguments += ["--rounds", settings["rounds"], "--min-runs", settings["min_runs"]]
        arguments += ["--min-time", settings["min_time_s"]]
        command = experiment.script("peak_of_parent.py", peak, *arguments)
        subprocess.run(command, check=True, capture_output=True)
        return int(peak.read_text())


def claims(record: dict[str, Any]) -> list[Claim]:
    """Return what was claimed beside what was found."""
    *starts, last = record["trials"] or [{}]
    if "parent_peak_bytes" not in last:
        return [Claim(text, f"{len(starts)} starts timed") for text in CLAIMS]
    helps, bare = ([start[name] / 1e9 for start in starts] for name in COMMANDS)
    median, peak = percentile(helps, 50), last["parent_peak_bytes"] / MB
    return [
        Claim(
            CLAIMS[0],
            f"{median:.3f} s in the median of {len(helps)}, {max(helps):.3f} s at most; the "
            f"interpreter alone {percentile(bare, 50):.3f} s",
            median < HELP_S,
        ),
        Claim(
            CLAIMS[1],
            f"{peak:.1f} MB at its peak, over {record['settings']['rounds']} rounds",
            0 < peak < PARENT_MB,
        ),
    ]


def details(record: dict[str, Any]) -> list[str]:
    """Return how it was measured, as lines of markdown."""
    settings = record["settings"]
    return [
        f"{settings['repeats']} starts, each a whole process and its wall time. Memory is VmHWM, "
        f"read by the process at its end, with `--json`, at least {settings['min_runs']} samples "
        f"and {settings['min_time_s']:g} s of them; MB = 1,048,576 bytes. "
        + experiment.setting(record)
    ]


if __name__ == "__main__":
    main()
