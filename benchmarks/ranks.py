"""Two processes that train together against one, and a process that is killed on the way.

    python benchmarks/ranks.py --data-dir DIR

trains the same network by the same command for several seeds: in one process with all threads, and
under torchrun in two processes with half of them each. The two take turns, in random order within
each seed. Then one of two processes is killed after the first epoch, and one process goes on with
``--resume``. Writes ``benchmarks/results/ranks.json`` and ``ranks.md``: validation accuracy with
its interval, and images per second as a ratio.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

HERE = Path(__file__).resolve().parent
THREADS = os.cpu_count() or 2
WAYS = {"one process": 1, "two processes": 2}


@click.command(help=__doc__)
@click.option("--data-dir", type=click.Path(path_type=Path), help="CIFAR-10's folder.")
@click.option("--model", default="seed-cnn", show_default=True)
@click.option("--epochs", default=3, show_default=True, type=click.IntRange(2))
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(2))
@click.option("--out", default=HERE / "results", type=click.Path(path_type=Path))
def main(data_dir: Path | None, model: str, epochs: int, seeds: int, out: Path) -> None:
    """Train both ways, record what came of it, draw the report."""
    from edge_runtime.files import write_text

    options = [model, "--epochs", str(epochs), "--json"]
    options += ["--data-dir", str(data_dir.resolve())] if data_dir else []
    with tempfile.TemporaryDirectory() as folder:
        record = measure(options, seeds, Path(folder))
        record["killed"] = kill_one(options, Path(folder) / "killed")
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / "ranks.json", json.dumps(record, indent=1) + "\n")
    write_text(out / "ranks.md", markdown(record))
    click.echo(markdown(record))


def measure(options: list[str], seeds: int, folder: Path) -> dict[str, Any]:
    """Train once for each way and seed; return every report, by way."""
    import torch

    from edge_runtime.documents.values import to_json
    from edge_runtime.probes import host

    order = [(seed, way) for seed in range(seeds) for way in random.sample(list(WAYS), len(WAYS))]
    reports: dict[str, list[Any]] = {way: [] for way in WAYS}
    for seed, way in tqdm(order, unit="run", disable=None):
        run = folder / f"{way}-{seed}"
        with _start(WAYS[way], [*options, "--seed", str(seed), "--out", str(run)]) as job:
            answer, said = job.communicate()
        if job.returncode:
            raise click.ClickException(said)
        reports[way].append(json.loads(answer))
    return {
        "host": to_json(host.describe()),
        "threads": THREADS,
        "versions": {"torch": torch.__version__},
        "reports": reports,
    }


def _start(processes: int, options: list[str]) -> "subprocess.Popen[str]":
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    command = [*(launcher if processes > 1 else []), "-m", "cifarq", "train", *options]
    threads = str(max(1, THREADS // processes))
    return subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": threads},
    )


def kill_one(options: list[str], run: Path) -> dict[str, Any]:
    """Kill the second of two processes after the first epoch, and go on with one process."""
    options = [*options, "--out", str(run)]
    with _start(2, options) as job:
        assert job.stderr is not None
        next(line for line in job.stderr if line.startswith("epoch 1/"))
        _, second = _children(job.pid)
        os.kill(second, signal.SIGKILL)
        _, said = job.communicate()
    with _start(1, [*options, "--resume"]) as resumed:
        answer, _ = resumed.communicate()
    lines = [line for line in said.splitlines() if line.startswith(("Error: ", "Interrupted. "))]
    return {
        "exit_code": job.returncode,
        "said": [line.replace(str(run), "DIR") for line in lines],
        "resumed": json.loads(answer),
    }


def _children(pid: int) -> list[int]:
    """Return the processes that torchrun started, in the order of their ranks."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return sorted(int(child) for child in listed.split())


def markdown(record: dict[str, Any]) -> str:
    """Return the report."""
    reports, killed = record["reports"], record["killed"]
    first = reports["one process"][0]
    rows = [
        f"| {way} | {_each(reports[way])} | {_pooled(reports[way])} | {_speed(reports, way)} |"
        for way in WAYS
    ]
    return "\n".join(
        [
            "# Two processes that train together, against one",
            "",
            "| | top-1 % on validation, by seed | all | images per second |",
            "|---|---:|---:|---:|",
            *rows,
            "",
            f"{first['config']['architecture']}, {first['config']['epochs']} epochs of "
            f"{first['train_images']:,} images in batches of {first['config']['batch_size']}, "
            f"{first['validation_images']:,} validation images; {record['host']['cpu']}, "
            f"{record['threads']} threads in all, PyTorch {record['versions']['torch']}. Brackets "
            "hold 95 % intervals: of accuracy over the images of all seeds, of speed over pairs of "
            "runs, evaluation included. Batch norms take their statistics from each process's own "
            "part of a batch.",
            "",
            f"The second process killed after the first epoch: exit code {killed['exit_code']}, "
            f"and {' '.join(f'`{line}`' for line in killed['said'])} One process went on with "
            f"`--resume` to {100 * _top1(killed['resumed']):.2f} %.",
            "",
        ]
    )


def _top1(report: dict[str, Any]) -> float:
    return float(report["epochs"][-1]["validation_top1"])


def _seconds(report: dict[str, Any]) -> float:
    return float(sum(epoch["seconds"] for epoch in report["epochs"]))


def _each(reports: list[Any]) -> str:
    return ", ".join(f"{100 * _top1(report):.2f}" for report in reports)


def _pooled(reports: list[Any]) -> str:
    from edge_runtime.results.statistics import proportion

    counts = [report["validation_images"] for report in reports]
    right = sum(round(_top1(report) * n) for report, n in zip(reports, counts, strict=True))
    return str(proportion(right, sum(counts)).scaled(100))


def _speed(reports: dict[str, list[Any]], way: str) -> str:
    from edge_runtime.results.statistics import paired_ratio

    if way == "one process":
        return "1"
    one, other = ([_seconds(report) for report in reports[each]] for each in ("one process", way))
    return paired_ratio(one, other).as_ratio()


if __name__ == "__main__":
    main()
