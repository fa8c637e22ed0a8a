"""The command ``cifarq train``: the command line becomes a configuration, and a run."""

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cifarq.options import DATA_DIR, FACTORY, JSON, MODEL_ARGS, PATH, Target
from edge_runtime.command import streams
from edge_runtime.errors import UsageError
from edge_runtime.printable import one_line

if TYPE_CHECKING:
    from cifarq.data.datasets import Dataset
    from cifarq.factory import Factory
    from cifarq.training.report import TrainConfig, TrainReport

_HELP = """\
Train a model, or train a checkpoint on for INT8 with --qat; a checkpoint is written after each
epoch.

MODEL is one that `cifarq models` lists. With --model, any PyTorch classifier is trained instead;
its images are normalised with ImageNet's mean and standard deviation, CIFAR-10's with their own.

\b
Examples:
  cifarq train seed-cnn --epochs 6 --out runs/seed
  cifarq train seed-cnn --epochs 6 --out runs/seed --resume
  cifarq train --qat runs/seed --epochs 2 --target pi5 --out runs/seed-qat
  cifarq train accurate --data-dir photos --image-size 96 --out runs/photos
  cifarq train --model torchvision.models:mobilenet_v3_small \\
      --weights mobilenet.safetensors --freeze features. \\
      --data-dir photos --image-size 96 --out runs/photos
  torchrun --nproc-per-node 2 -m cifarq train seed-cnn --epochs 6 --out runs/seed

Under torchrun its processes train together: each takes its part of every batch, on a GPU of its own
or on CPUs. On CPUs set OMP_NUM_THREADS to the threads of one process; torchrun sets 1.
"""


@click.command(help=_HELP, short_help="Train a model.")
@click.argument("model", required=False)
@FACTORY
@MODEL_ARGS
@click.option(
    "--weights",
    type=PATH,
    help="Weights that the --model begins with: a .safetensors file with its state_dict. If they "
    "are for another number of classes, the last layer is left as the function made it.",
)
@click.option(
    "--freeze",
    multiple=True,
    metavar="PREFIX",
    help="Keep the parameters of the --model whose names begin with PREFIX as they are, and the "
    "statistics of the batch norms among them. Can be repeated.",
)
@DATA_DIR
@click.option(
    "--image-size",
    type=click.IntRange(1),
    metavar="N",
    help="Scale each image so that its shorter side has N pixels, then crop the centre to NxN. For "
    "images of any sizes; the checkpoint records it. Without it, all images need one size.",
)
@click.option(
    "--balanced",
    is_flag=True,
    help="Weight the loss so that each class counts alike, however many images it has.",
)
@click.option("--out", required=True, type=PATH, help="Folder for the checkpoint.")
@click.option("--epochs", default=6, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--batch-size", default=128, show_default=True, type=click.IntRange(2))
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, min_open=True),
    metavar="RATE",
    help="Highest learning rate of the run.  [default: 0.1; with --weights 0.003; with "
    "--qat 0.002]",
)
@click.option(
    "--teacher",
    type=PATH,
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
    type=PATH,
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
@click.option(
    "--device", default="auto", show_default=True, type=click.Choice(["auto", "cpu", "cuda"])
)
@click.option("--resume", is_flag=True, help="Resume from the last epoch in --out.")
@click.option(
    "--logdir", type=PATH, metavar="DIR", help="Write TensorBoard event files to this folder."
)
@JSON
def train(
    model: str | None,
    factory: str | None,
    model_args: tuple[str, ...],
    weights: Path | None,
    freeze: tuple[str, ...],
    data_dir: Path | None,
    image_size: int | None,
    balanced: bool,
    out: Path,
    epochs: int,
    seed: int,
    batch_size: int,
    learning_rate: float | None,
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
    built_by = _built_by(model, factory, model_args, qat, with_more=bool(weights or freeze))
    if target and not qat:
        raise UsageError(f"--target {target} is for --qat.", "Leave it out.")

    from cifarq import checkpoint
    from cifarq.training import qat as quantized
    from cifarq.training import ranks
    from cifarq.training import train as training
    from cifarq.training.progress import TrainingBar
    from cifarq.training.report import FINE_TUNING_LR, TrainConfig
    from cifarq.training.resume import FILE as resume_file

    taught_by = checkpoint.load(teacher) if teacher else None
    start = checkpoint.load(qat) if qat else None
    name = start.architecture if start else built_by.name if built_by else str(model)
    config = TrainConfig(
        name,
        epochs=epochs,
        seed=seed,
        batch_size=batch_size,
        peak_lr=learning_rate or (FINE_TUNING_LR if weights else TrainConfig.peak_lr),
        small_crops=small_crops,
        image_size=image_size or (start.resize.shorter if start and start.resize else None),
        factory=built_by,
        weights=str(weights or ""),
        freeze=freeze,
        balanced=balanced,
        teacher=taught_by.digest if taught_by else "",
        device=device,
    )
    if start:
        here = target or Target().convert("auto", None, None)
        config = quantized.configure(config, start, here, learning_rate)

    def kept() -> str:
        if not (out / resume_file).exists():
            return "No epoch was finished; nothing is kept."
        return f"The last finished epoch is kept in {out}; resume with --resume."

    try:
        with ranks.join(kept) as job:
            with job.one_goes_ahead():
                dataset = _load(config, data_dir)
            if job.leads:
                _tell_of(dataset, balanced=balanced)
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
    else:
        _show(report, out, data_dir, qat)


def _show(report: "TrainReport", out: Path, data_dir: Path | None, qat: Path | None) -> None:
    """Print what was reached, and the commands that come next."""
    streams.show(
        f"{report.config.architecture}: {100 * report.epochs[-1].validation_top1:.2f} % top-1 "
        f"{'as static INT8 ' if qat else ''}on {report.validation_images:,} validation images"
    )
    data = ["--data-dir", str(data_dir)] if data_dir else []
    factory = report.config.factory
    typed = shlex.join([str(out), *data]) + (f" {factory.options}" if factory else "")
    nexts = [f"cifarq evaluate {typed}", f"cifarq-export {typed}"]
    if qat:
        nexts.append(f"cifarq-export compare {shlex.join([str(qat), '--qat', str(out), *data])}")
    for line in ("Next:", *(f"  {command}" for command in nexts)):
        streams.show(one_line(line))


def _built_by(
    model: str | None,
    function: str | None,
    arguments: tuple[str, ...],
    qat: Path | None,
    *,
    with_more: bool,
) -> "Factory | None":
    """Return the function that --model names, or None where MODEL or --qat names the model.

    Args:
        model: MODEL.
        function: --model.
        arguments: --model-arg.
        qat: --qat.
        with_more: whether there are other options for --model alone.

    Raises:
        UsageError: none or two are named, there is no such MODEL, or an option is for --model.
    """
    from cifarq import models as registry
    from cifarq.factory import Factory

    given = {f"{model}": model, f"--model {function}": function, f"--qat {qat}": qat}
    named = [said for said, value in given.items() if value is not None]
    if len(named) != 1:
        what = f"{' and '.join(named)} each name a model" if named else "no model is named"
        raise UsageError(
            f"{what}.",
            "Give a MODEL that `cifarq models` lists, --model FUNCTION, or --qat CHECKPOINT.",
        )
    if function is not None:
        return Factory(function, arguments)
    if arguments or with_more:
        raise UsageError("--model-arg, --weights and --freeze are for --model.")
    if model is not None:
        registry.get(model)
    return None


def _load(config: "TrainConfig", data_dir: Path | None) -> "Dataset":
    """Read the data set as a run takes it."""
    from cifarq.data import cifar10, datasets
    from cifarq.training.progress import stages
    from edge_runtime.classify.resize import Resize

    size = config.image_size
    resize = Resize(config.resizing, size, size) if config.resizing and size else None
    with stages() as watch:
        dataset = datasets.load(data_dir, resize, watch)
    if config.factory and (dataset.name, dataset.classes) != (cifar10.NAME, cifar10.CLASSES):
        dataset = replace(dataset, known_normalisation=datasets.IMAGENET)
    return dataset


def _tell_of(dataset: "Dataset", *, balanced: bool) -> None:
    """Tell how a data set was divided, and that its classes are uneven."""
    from cifarq.training import imbalance

    uneven = imbalance.describe(dataset.train.labels, dataset.classes)
    if uneven and not balanced:
        uneven += " Give --balanced to let each class count alike."
    for note in filter(None, (dataset.note, uneven)):
        streams.tell(f"Note: {note}")
