"""The command ``cifarq``: train, evaluate, list models."""

import io
import json
import os
import sys
from functools import partial
from pathlib import Path

import click

import edge_runtime
from cifarq.options import Target
from edge_runtime.command import program, streams
from edge_runtime.command.group import CommandGroup
from edge_runtime.errors import UsageError
from edge_runtime.printable import one_line

_PATH = click.Path(path_type=Path)
_DEVICE = click.Choice(["auto", "cpu", "cuda"])
_DATA_DIR = click.option(
    "--data-dir",
    type=_PATH,
    help="Folder with CIFAR-10's binary version or with class folders (train/<class>/*, "
    "test/<class>/*). Default: the user's cache; CIFAR-10 is downloaded there if it is absent.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


_HELP = """\
Train a small image classifier, quantize it, evaluate it.

\b
Examples:
  cifarq models
  cifarq train seed-cnn --epochs 6 --out runs/seed
  cifarq evaluate runs/seed seed-cnn-bundle
  cifarq-export runs/seed                    write a bundle for a device
  edge-bench seed-cnn-bundle                 measure it there
"""
_TRAIN_HELP = """\
Train MODEL from scratch, or train a checkpoint on for INT8 with --qat; a checkpoint is written
after each epoch.

\b
Examples:
  cifarq train seed-cnn --epochs 6 --out runs/seed
  cifarq train seed-cnn --epochs 6 --out runs/seed --resume
  cifarq train --qat runs/seed --epochs 2 --target pi5 --out runs/seed-qat
  torchrun --nproc-per-node 2 -m cifarq train seed-cnn --epochs 6 --out runs/seed

Under torchrun its processes train together: each takes its part of every batch, on a GPU of its own
or on CPUs. On CPUs set OMP_NUM_THREADS to the threads of one process; torchrun sets 1.
"""
_EVALUATE_HELP = """\
Print top-1 with its 95 % interval for each of PATHS.

A path is a checkpoint folder, a bundle, an artifact inside a bundle, or the name of a model that
ships: see `cifarq models`.

\b
Examples:
  cifarq evaluate runs/seed --split validation
  cifarq evaluate seed-cnn-bundle --data-dir ~/cifar10 --json
"""


@click.group(cls=CommandGroup, install="pip install '.[train]' in cifarq's folder", help=_HELP)
@click.version_option(edge_runtime.__version__, prog_name="cifarq")
def cli() -> None:
    """Hold the subcommands."""


@cli.command()
@_JSON
def models(as_json: bool) -> None:
    """List the models with their size and cost."""
    from cifarq import models as registry
    from cifarq.evaluation import inventory

    rows = [inventory.describe(name) for name in registry.names()]
    if as_json:
        streams.show(json.dumps(rows, indent=1))
        return
    streams.show(inventory.table(rows))


@cli.command(help=_TRAIN_HELP, short_help="Train a model.")
@click.argument("model", required=False)
@_DATA_DIR
@click.option("--out", required=True, type=_PATH, help="Folder for the checkpoint.")
@click.option("--epochs", default=6, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--batch-size", default=128, show_default=True, type=click.IntRange(2))
@click.option(
    "--teacher",
    type=_PATH,
    help="Learn from the answers of this model too: a checkpoint folder, or the name of a model "
    "that ships.",
)
@click.option(
    "--small-crops",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Share of the epochs, the first ones, that learn from crops of 3/4 of the side: a step "
    "costs 9/16 of the arithmetic.",
)
@click.option(
    "--qat",
    type=_PATH,
    metavar="CHECKPOINT",
    help="Quantization-aware training: train this checkpoint on, with weights and activations "
    "rounded as static INT8 rounds them. `cifarq-export` then uses the activation ranges that "
    "are learned here.",
)
@click.option(
    "--target",
    type=Target(),
    help="CPU class, or board, that --qat trains for.  [default: auto, this CPU's class]",
)
@click.option("--device", default="auto", show_default=True, type=_DEVICE)
@click.option("--resume", is_flag=True, help="Resume from the last epoch in --out.")
@click.option(
    "--logdir", type=_PATH, metavar="DIR", help="Write TensorBoard event files to this folder."
)
@_JSON
def train(
    model: str | None,
    data_dir: Path | None,
    out: Path,
    epochs: int,
    seed: int,
    batch_size: int,
    teacher: Path | None,
    small_crops: float,
    qat: Path | None,
    target: str | None,
    device: str,
    resume: bool,
    logdir: Path | None,
    as_json: bool,
) -> None:
    """Train a model and print what it reached."""
    _require_one_model(model, qat, target)
    from cifarq import checkpoint
    from cifarq.data import datasets
    from cifarq.training import qat as quantized
    from cifarq.training import ranks
    from cifarq.training import train as training
    from cifarq.training.progress import TrainingBar
    from cifarq.training.report import TrainConfig
    from cifarq.training.resume import FILE as resume_file

    taught_by = checkpoint.load(teacher) if teacher else None
    start = checkpoint.load(qat) if qat else None
    name = start.architecture if start else str(model)
    config = TrainConfig(
        name,
        epochs=epochs,
        seed=seed,
        batch_size=batch_size,
        small_crops=small_crops,
        teacher=taught_by.digest if taught_by else "",
        device=device,
    )
    if start:
        config = quantized.configure(config, start, target or Target().convert("auto", None, None))

    def kept() -> str:
        if not (out / resume_file).exists():
            return "No epoch was finished; nothing is kept."
        return f"The last finished epoch is kept in {out}; resume with --resume."

    try:
        with ranks.join(kept) as job:
            with job.one_goes_ahead():
                dataset = datasets.load(data_dir)
            report = training.train(
                config,
                dataset,
                out,
                teacher=taught_by,
                start=start,
                resume=resume,
                progress=TrainingBar(epochs),
                ranks=job,
                logdir=logdir,
            )
    except KeyboardInterrupt:
        streams.tell(f"Interrupted. {kept()}")
        sys.exit(130)
    if as_json:
        streams.show(json.dumps(report.to_json(), indent=1))
        return
    streams.show(
        f"{name}: {100 * report.epochs[-1].validation_top1:.2f} % top-1 "
        f"{'as static INT8 ' if start else ''}on {report.validation_images:,} validation images"
    )
    nexts = [f"cifarq evaluate {out}", f"cifarq-export {out}"]
    if qat:
        nexts.append(f"cifarq-export compare {qat} --qat {out}")
    for line in ("Next:", *(f"  {command}" for command in nexts)):
        streams.show(one_line(line))


def _require_one_model(model: str | None, qat: Path | None, target: str | None) -> None:
    """Refuse a command line that names no model, or two.

    Raises:
        UsageError: it does, or the model that it names does not exist.
    """
    from cifarq import models as registry

    if (model is None) == (qat is None):
        said = f"{model} and --qat {qat} each name a model" if model else "no model is named"
        raise UsageError(
            f"{said}.", "Give a MODEL that `cifarq models` lists, or --qat CHECKPOINT."
        )
    if target and not qat:
        raise UsageError(f"--target {target} is for --qat.", "Leave it out.")
    if model:
        registry.get(model)


@cli.command(help=_EVALUATE_HELP, short_help="Print top-1 with its interval.")
@click.argument("paths", nargs=-1, required=True, type=_PATH)
@_DATA_DIR
@click.option(
    "--split", default="test", show_default=True, type=click.Choice(["test", "validation"])
)
@click.option(
    "--batch-size",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Images per call. The answers of dynamic INT8 depend on it.",
)
@_JSON
def evaluate(
    paths: tuple[Path, ...], data_dir: Path | None, split: str, batch_size: int, as_json: bool
) -> None:
    """Evaluate what the paths name, and print a line each."""
    from cifarq.data import datasets
    from cifarq.evaluation import evaluate as evaluation
    from cifarq.training.progress import counting

    subjects = [subject for path in paths for subject in evaluation.subjects(path)]
    dataset = datasets.load(data_dir)
    images = dataset.test if split == "test" else dataset.validation
    rows = []
    for subject in subjects:
        with counting(len(images), subject.name) as advance:
            row = evaluation.evaluate(
                subject, images, dataset.classes, batch_size=batch_size, progress=advance
            )
        rows.append(row)
        if not as_json:
            top1 = row.top1.scaled(100)
            streams.show(
                f"{one_line(row.name)}: {top1.value:.2f} % top-1 [{top1.low:.2f}, {top1.high:.2f}] "
                f"on {row.images:,} {split} images"
            )
    if as_json:
        streams.show(json.dumps([row.to_json() for row in rows], indent=1))


def main() -> None:
    """Run the command."""
    if "TORCHELASTIC_RUN_ID" in os.environ and os.environ["RANK"] != "0":
        # One of many that torchrun started with the same command: the first one answers for all.
        sys.stdout = sys.stderr = io.StringIO()
    program.start(partial(cli, prog_name="cifarq"))
