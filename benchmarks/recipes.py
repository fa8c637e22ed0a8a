"""What each part of the recipe that models are trained by is worth: it is left out, and missed.

    python benchmarks/recipes.py --data-dir DIR

    python benchmarks/recipes.py --data-dir DIR --teacher runs/accurate

trains ``tiny`` for a few epochs, as ``cifarq train`` does and with one part left out in turn, once
for each seed, and compares top-1 on the 5,000 validation images, paired by seed. Writes
``benchmarks/results/recipes.json`` after each run, and ``recipes.md`` from it; a rerun goes on with
what is missing. No test image is looked at. Some 5 minutes a run on two cores.
"""

import json
import math
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean, stdev
from tempfile import TemporaryDirectory
from typing import Any

import click
import environment
from tqdm import tqdm

HERE = Path(__file__).resolve().parent
SCHEMA = 1
MODEL = "tiny"
RECIPE: dict[str, Any] = {"small_crops": 0.6}


@dataclass(frozen=True)
class Variant:
    """A recipe that differs from ours in one part.

    Attributes:
        description: what is different.
        change: of the configuration; see ``TrainConfig``.
        taught: whether a teacher's answers are learned from.
    """

    description: str
    change: dict[str, Any] = field(default_factory=dict)
    taught: bool = False


VARIANTS = {
    "recipe": Variant("as it is"),
    "mean": Variant("the last weights, not the mean of those before", {"average": 0.0}),
    "mirroring": Variant("images mirrored by chance, not every other epoch", {"alternate": False}),
    "cutout": Variant("without cutout", {"cutout": 0}),
    "smoothing": Variant("without label smoothing", {"label_smoothing": 0.0}),
    "crops": Variant("whole images in all epochs", {"small_crops": 0.0}),
    "teacher": Variant("with a teacher", taught=True),
}


@click.command(help=__doc__)
@click.option("--data-dir", type=click.Path(path_type=Path), help="CIFAR-10's folder.")
@click.option("--teacher", type=click.Path(path_type=Path), help="A checkpoint to learn from.")
@click.option("--epochs", default=8, show_default=True, type=click.IntRange(1))
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(2))
@click.option("--out", default=HERE / "results", type=click.Path(path_type=Path))
@click.option("--render", is_flag=True, help="Draw the report again from the JSON file.")
def main(
    data_dir: Path | None,
    teacher: Path | None,
    epochs: int,
    seeds: int,
    out: Path,
    render: bool,
) -> None:
    """Train what is not recorded yet, and draw the report."""
    from edge_runtime.files import write_text

    out.mkdir(parents=True, exist_ok=True)
    file = out / "recipes.json"
    record = json.loads(file.read_text()) if file.exists() else {}
    if record.get("schema") != SCHEMA or (not render and record["epochs"] != epochs):
        record = {
            "schema": SCHEMA,
            **environment.describe("torch", "numpy"),
            "epochs": epochs,
            "runs": {},
        }
    if not render:
        wanted = [
            (name, seed)
            for seed in range(seeds)
            for name, variant in VARIANTS.items()
            if f"{name}/{seed}" not in record["runs"] and (teacher or not variant.taught)
        ]
        for name, seed in tqdm(wanted, desc="runs", disable=not sys.stderr.isatty()):
            record["runs"][f"{name}/{seed}"] = _train(
                VARIANTS[name], seed, epochs, data_dir, teacher
            )
            write_text(file, json.dumps(record, indent=1) + "\n")
    write_text(out / "recipes.md", markdown(record))
    click.echo(markdown(record))


def _train(
    variant: Variant, seed: int, epochs: int, data_dir: Path | None, teacher: Path | None
) -> dict[str, Any]:
    """Train once; return what each epoch came to."""
    from cifarq import checkpoint
    from cifarq.data import datasets
    from cifarq.training.report import TrainConfig
    from cifarq.training.train import train

    taught_by = checkpoint.load(teacher) if teacher and variant.taught else None
    config = TrainConfig(MODEL, epochs=epochs, seed=seed, **RECIPE)
    config = replace(config, **variant.change, teacher=taught_by.digest if taught_by else "")
    with TemporaryDirectory() as folder:
        report = train(config, datasets.load(data_dir), Path(folder), teacher=taught_by)
    return {
        "config": report.to_json()["config"],
        "validation_top1": [epoch.validation_top1 for epoch in report.epochs],
        "seconds": [epoch.seconds for epoch in report.epochs],
    }


def markdown(record: dict[str, Any]) -> str:
    """Return the report of a record."""
    rows = [_row(name, record["runs"]) for name in VARIANTS]
    lines = [
        "# What each part of the recipe is worth",
        "",
        "| | runs | validation top-1 % | against the recipe, points [95 % interval] |",
        "|---|---:|---:|---:|",
        *filter(None, rows),
        "",
        f"`{MODEL}`, {record['epochs']} epochs of 45,000 CIFAR-10 training images, judged on 5,000 "
        "held-out ones after the last epoch; paired by seed, the interval is Student's t over the "
        "seeds. Negative: leaving the part out costs accuracy. No test image was looked at. "
        "`benchmarks/recipes.py` wrote this.",
        "",
    ]
    return "\n".join(lines)


def _row(name: str, runs: dict[str, Any]) -> str:
    """Return a variant's row; empty if it was never run."""
    top1 = _by_seed(name, runs)
    if not top1:
        return ""
    against = "–" if name == "recipe" else _difference(top1, _by_seed("recipe", runs))
    mean = 100 * fmean(top1.values())
    return f"| {VARIANTS[name].description} | {len(top1)} | {mean:.2f} | {against} |"


def _by_seed(name: str, runs: dict[str, Any]) -> dict[str, float]:
    """Return the top-1 (0-1) that a variant came to, by seed."""
    found = (key.rpartition("/") for key in runs)
    return {
        seed: runs[f"{variant}/{seed}"]["validation_top1"][-1]
        for variant, _, seed in found
        if variant == name
    }


def _difference(top1: dict[str, float], recipe: dict[str, float]) -> str:
    """Return the mean difference in points with its interval, over the seeds that both have."""
    from edge_runtime.results.statistics import Estimate, student_t95

    points = [100 * (top1[seed] - recipe[seed]) for seed in sorted(top1.keys() & recipe)]
    mean = fmean(points)
    if len(points) < 2:
        return f"{mean:.2f}"
    margin = student_t95(len(points) - 1) * stdev(points) / math.sqrt(len(points))
    return str(Estimate(mean, mean - margin, mean + margin))


if __name__ == "__main__":
    main()
