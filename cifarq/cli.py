"""The command ``cifarq``: train, evaluate, list models."""

import io
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

import edge_runtime
from cifarq.options import DATA_DIR, FACTORY, JSON, MODEL_ARGS, PATH
from cifarq.train_command import train
from edge_runtime.command import program, streams
from edge_runtime.command.group import CommandGroup
from edge_runtime.errors import UsageError
from edge_runtime.printable import one_line

if TYPE_CHECKING:
    from cifarq.data.labelled import LabelledImages
    from edge_runtime.classify.resize import Resize


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
_EVALUATE_HELP = """\
Print top-1 with its 95 % interval for each of PATHS.

A path is a checkpoint folder, a bundle, an artifact inside a bundle, or the name of a model that
ships: see `cifarq models`.

\b
Examples:
  cifarq evaluate runs/seed --split validation
  cifarq evaluate seed-cnn-bundle --data-dir ~/cifar10 --json
  cifarq evaluate runs/photos --data-dir photos --confusion
"""


@click.group(cls=CommandGroup, install="pip install '.[train]' in cifarq's folder", help=_HELP)
@click.version_option(edge_runtime.__version__, prog_name="cifarq")
def cli() -> None:
    """Hold the subcommands."""


cli.add_command(train)


@cli.command()
@JSON
def models(as_json: bool) -> None:
    """List the models with their size and cost."""
    from cifarq import models as registry
    from cifarq.evaluation import inventory

    rows = [inventory.describe(name) for name in registry.names()]
    if as_json:
        streams.show(json.dumps(rows, indent=1))
        return
    streams.show(inventory.table(rows))


@cli.command(help=_EVALUATE_HELP, short_help="Print top-1 with its interval.")
@click.argument("paths", nargs=-1, required=True, type=PATH)
@FACTORY
@MODEL_ARGS
@DATA_DIR
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
@click.option(
    "--confusion",
    is_flag=True,
    help="Print which classes are taken for which others, and the classes with the lowest recall.",
)
@JSON
def evaluate(
    paths: tuple[Path, ...],
    factory: str | None,
    model_args: tuple[str, ...],
    data_dir: Path | None,
    split: str,
    batch_size: int,
    confusion: bool,
    as_json: bool,
) -> None:
    """Evaluate what the paths name, and print a line each."""
    from cifarq.data import datasets
    from cifarq.evaluation import confusion as confusions
    from cifarq.evaluation import evaluate as evaluation
    from cifarq.factory import Factory
    from cifarq.training.progress import counting, stages

    if model_args and not factory:
        raise UsageError("--model-arg is for --model.")
    named = Factory(factory, model_args) if factory else None
    subjects = [one for path in paths for one in evaluation.subjects(path, factory=named)]
    data = datasets.find(data_dir)
    if data.note:
        streams.tell(f"Note: {data.note}")

    @lru_cache(maxsize=1)  # most subjects take images alike
    def read(resize: "Resize | None") -> "LabelledImages":
        part = data.test if split == "test" else data.validation
        with stages() as watch:
            return datasets.read(part, split, resize, watch)

    rows = []
    for subject in subjects:
        images = read(subject.resize)
        with counting(len(images), subject.name) as advance:
            row = evaluation.evaluate(
                subject, images, data.classes, batch_size=batch_size, progress=advance
            )
        rows.append(row)
        if not as_json:
            top1 = row.top1.scaled(100)
            streams.show(
                f"{one_line(row.name)}: {top1.value:.2f} % top-1 [{top1.low:.2f}, {top1.high:.2f}] "
                f"on {row.images:,} {split} images"
            )
            if confusion:
                streams.show(confusions.text(row.confusion, row.classes))
    if as_json:
        streams.show(json.dumps([row.to_json() for row in rows], indent=1))


FIRST_ANSWERS_S = 10.0
"""So long one of many processes that failed waits for the first one's message."""


def main() -> None:
    """Run the command."""
    start = partial(program.start, partial(cli, prog_name="cifarq"))
    if "TORCHELASTIC_RUN_ID" in os.environ and os.environ["RANK"] != "0":
        follow(start)
    else:
        start()


def follow(start: Callable[[], object]) -> None:
    """Run one of many that torchrun started with the same command: the first answers for all.

    As soon as one has failed torchrun ends the others, so that this one has to fail last.
    """
    sys.stdout = sys.stderr = io.StringIO()
    try:
        start()
    except SystemExit as end:
        if end.code:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)  # torchrun's, once the first has ended
            time.sleep(FIRST_ANSWERS_S)
        raise
