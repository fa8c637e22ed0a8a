"""How soon the seed CNN reaches the report's 74.8 %: by our loop, and by the tutorial's way.

    python benchmarks/train_speed.py --data-dir DIR

The tutorial's way is PyTorch's "Training a Classifier" with the same network: FP32, one PIL image
after the other through ``ToTensor`` and ``Normalize`` in a DataLoader, SGD with momentum at one
learning rate, no batch norms. Batches are as large as ours, and the tutorial's rate of 0.001 for
batches of 4 is scaled with them. Both learn from the same 45,000 images and are judged on the same
5,000 others, after each of their epochs. They take turns step by step in one process, so that both
meet the same machine; evaluation and checkpoints are not counted.

Writes ``benchmarks/results/train_speed.json`` and ``train_speed.md``. Up to an hour on two cores.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader
from torchvision import transforms
from tqdm import tqdm

from cifarq import models
from cifarq.data import datasets
from cifarq.data.datasets import Dataset
from cifarq.evaluation import inventory
from cifarq.evaluation.evaluate import torch_predictor
from cifarq.training.report import Epoch, Progress, TrainConfig
from cifarq.training.train import train
from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.measure import accuracy

HERE = Path(__file__).resolve().parent
MODEL = "seed-cnn"
GOAL = 0.748
BATCH = 128
EPOCHS = 3
MOST_EPOCHS = 20
"""Of the tutorial's way: if it has not reached the goal by then, it is said so."""
TURNS = 4
"""Steps of the tutorial's way for each of ours: about as many more as it needs."""
LEARNING_RATE = 0.001 * BATCH / 4
_HALF = (0.5, 0.5, 0.5)
_SIDE = 2048


class Runner:
    """Seconds that one way has trained, and what it reached after each epoch."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.epochs: list[dict[str, float]] = []

    def note(self, top1: float) -> None:
        """Note the top-1 (0-1) that an epoch came to."""
        self.epochs.append({"seconds": round(self.seconds, 2), "validation_top1": top1})

    @property
    def reached_s(self) -> float | None:
        """Seconds of training until the goal was reached; None if it was not."""
        return next((e["seconds"] for e in self.epochs if e["validation_top1"] >= GOAL), None)


class Tutorial(Runner):
    """The tutorial's way."""

    def __init__(self, data: Dataset) -> None:
        super().__init__()
        torch.manual_seed(0)
        self._data = data
        self.model = models.get(MODEL).build(len(data.classes), data.train.images.shape[1:])
        self._optimizer = torch.optim.SGD(self.model.parameters(), lr=LEARNING_RATE, momentum=0.9)
        self._steps = self._all_steps()

    def step(self) -> None:
        """Learn from a batch; nothing once the goal is reached or the epochs are over."""
        next(self._steps, None)

    def finish(self) -> None:
        """Go on to the goal."""
        for _ in self._steps:
            pass

    def _all_steps(self) -> Iterator[None]:
        transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(_HALF, _HALF)])
        images = _Photographs(self._data, transform)
        while self.reached_s is None and len(self.epochs) < MOST_EPOCHS:
            started = time.perf_counter()
            for batch, labels in DataLoader(images, BATCH, shuffle=True):
                loss = functional.cross_entropy(self.model.train()(batch), labels)
                self._optimizer.zero_grad()
                loss.backward()
                self._optimizer.step()
                self.seconds += time.perf_counter() - started
                yield
                started = time.perf_counter()
            self.note(_top1(self.model, self._data, Preprocessing(_HALF, _HALF)))


class _Photographs(torch.utils.data.Dataset[Any]):
    """The training images as PIL ones, as ``torchvision.datasets.CIFAR10`` gives them."""

    def __init__(self, data: Dataset, transform: Any) -> None:
        self._pixels = np.ascontiguousarray(data.train.images.transpose(0, 2, 3, 1))
        self._labels = data.train.labels
        self._transform = transform

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> Any:
        return self._transform(Image.fromarray(self._pixels[index])), int(self._labels[index])


class Ours(Runner, Progress):
    """Our loop, which lets the other take its turns after each step."""

    def __init__(self, other: Tutorial, bar: Any) -> None:
        super().__init__()
        self._other, self._bar = other, bar
        self._left = time.perf_counter()

    def step(self, epoch: int, done: int, total: int) -> None:
        """Count the step, and give the turn away."""
        self.seconds += time.perf_counter() - self._left
        for _ in range(TURNS):
            self._other.step()
        self._bar.update()
        self._left = time.perf_counter()

    def epoch(self, epoch: Epoch) -> None:
        """Note what the epoch came to."""
        self.note(epoch.validation_top1)
        self._left = time.perf_counter()


@click.command(help=__doc__)
@click.option("--data-dir", type=click.Path(path_type=Path), help="CIFAR-10's folder.")
@click.option("--out", default=HERE / "results", type=click.Path(path_type=Path))
@click.option("--render", is_flag=True, help="Draw the report again from the JSON file.")
def main(data_dir: Path | None, out: Path, render: bool) -> None:
    """Train both ways, and draw the report."""
    from edge_runtime.files import write_text

    out.mkdir(parents=True, exist_ok=True)
    file = out / "train_speed.json"
    record = json.loads(file.read_text()) if render else measure(datasets.load(data_dir))
    write_text(file, json.dumps(record, indent=1) + "\n")
    write_text(out / "train_speed.md", markdown(record))
    click.echo(markdown(record))


def measure(data: Dataset) -> dict[str, Any]:
    """Train both ways in turns; return what each came to, JSON values only."""
    from edge_runtime.documents.values import to_json
    from edge_runtime.probes import host

    steps = EPOCHS * -(-len(data.train) // BATCH)
    ceiling = [_ceiling()]
    tutorial = Tutorial(data)
    with tqdm(total=steps, unit="step", disable=not sys.stderr.isatty()) as bar:
        ours = Ours(tutorial, bar)
        with TemporaryDirectory() as folder:
            config = TrainConfig(MODEL, epochs=EPOCHS, batch_size=BATCH)
            train(config, data, Path(folder), progress=ours)
    ceiling.append(_ceiling())
    tutorial.finish()
    ceiling.append(_ceiling())
    flops = 6 * inventory.describe(MODEL)["macs"] * len(data.train)
    return {
        "schema": 1,
        "host": to_json(host.describe()),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "goal_top1": GOAL,
        "flops_per_epoch": flops,
        "matrix_product_flops_per_s": [round(rate) for rate in ceiling],
        "ways": {
            name: {"reached_s": way.reached_s, "epochs": way.epochs}
            for name, way in (("ours", ours), ("tutorial", tutorial))
        },
    }


def _ceiling() -> float:
    """Return the floating-point operations a second of a large matrix product, the best of 5."""
    factor = torch.rand(_SIDE, _SIDE)
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        factor @ factor
        seconds.append(time.perf_counter() - started)
    return 2 * _SIDE**3 / min(seconds)


def _top1(model: nn.Module, data: Dataset, how: Preprocessing) -> float:
    validation = data.validation
    logits = accuracy.logits_of(torch_predictor(model), validation.images, how, batch_size=500)
    return accuracy.top1(logits, validation.labels).value


def markdown(record: dict[str, Any]) -> str:
    """Return the report of a record."""
    ours, tutorial = record["ways"]["ours"], record["ways"]["tutorial"]
    rows = [_row("our loop", ours, record), _row("the tutorial's way", tutorial, record)]
    lines = [
        f"# Seconds of training to {100 * record['goal_top1']:.1f} %",
        "",
        "| | epochs | seconds to the goal | validation top-1 % there | GFLOP/s |",
        "|---|---:|---:|---:|---:|",
        *rows,
        "",
        _verdict(ours["reached_s"], tutorial["reached_s"]),
        "",
        f"The seed CNN, {record['threads']} threads on {record['host']['cpu']}, PyTorch "
        f"{record['torch']}; both ways in turns step by step in one process, batches of {BATCH}, "
        "evaluation not counted. A large matrix product, in the same run: "
        f"{', '.join(f'{rate / 1e9:.0f}' for rate in record['matrix_product_flops_per_s'])} "
        "GFLOP/s. A multiply-accumulate counts as two operations, a training step as three forward "
        "passes. `benchmarks/train_speed.py` wrote this.",
        "",
    ]
    return "\n".join(lines)


def _row(name: str, way: dict[str, Any], record: dict[str, Any]) -> str:
    epochs = way["epochs"]
    count = next(
        (i for i, e in enumerate(epochs, 1) if e["validation_top1"] >= record["goal_top1"]),
        len(epochs),
    )
    last = epochs[count - 1]
    rate = count * record["flops_per_epoch"] / last["seconds"] / 1e9
    reached = "not reached" if way["reached_s"] is None else f"{way['reached_s']:.0f}"
    return f"| {name} | {count} | {reached} | {100 * last['validation_top1']:.2f} | {rate:.0f} |"


def _verdict(ours: float | None, tutorial: float | None) -> str:
    if ours is None:
        return "Our loop did not reach the goal."
    if tutorial is None:
        return "The tutorial's way did not reach the goal."
    return f"Our loop reached it {tutorial / ours:.1f} times sooner, in one run."


if __name__ == "__main__":
    main()
