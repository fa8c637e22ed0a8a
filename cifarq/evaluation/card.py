"""What a shipped model was measured to be: ``card.json`` beside its weights, and the same as text.

``python benchmarks/models.py`` writes both, from one look at the test images.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cifarq.checkpoint import Checkpoint
from edge_runtime.documents import json_file, strict
from edge_runtime.documents.strict import Count, Positive, Share

FILE = "card.json"
TEXT_FILE = "CARD.md"
SCHEMA = 1


@dataclass(frozen=True)
class Top1:
    """A share (0-1) of images with its 95 % interval."""

    value: Share
    low: Share
    high: Share

    def __str__(self) -> str:
        return f"{100 * self.value:.2f} [{100 * self.low:.2f}, {100 * self.high:.2f}]"


@dataclass(frozen=True)
class Points:
    """A difference in percentage points with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


@dataclass(frozen=True)
class Card:
    """What a model came to on the test images, in FP32 and as static INT8.

    Attributes:
        weights: SHA-256 of the weights that this is about.
        images: test images.
        fp32: top-1 of the ONNX file in FP32.
        int8: top-1 of the static INT8 ONNX file.
        drop: by how much INT8 is below FP32, paired; negative is a gain.
        int8_bytes: size of the INT8 file.
        target: the CPU class that it was made for.
        parameters: of the network.
        macs: multiply-accumulates for one image.
    """

    weights: str
    images: Positive
    fp32: Top1
    int8: Top1
    drop: Points
    int8_bytes: Positive
    target: str
    parameters: Count
    macs: Count


def read(folder: Path) -> Card | None:
    """Return the card in a model's folder, or None if it has none.

    Raises:
        ValueError: it is damaged.
    """
    if not (folder / FILE).is_file():
        return None
    return strict.build(Card, json_file.read(folder / FILE))


def text(name: str, description: str, checkpoint: Checkpoint, card: Card) -> str:
    """Return a card as Markdown.

    Args:
        name: of the model.
        description: one line.
        checkpoint: that ships.
        card: its figures.
    """
    training = checkpoint.training
    lines = [
        f"# {name}",
        "",
        f"{description[:1].upper()}{description[1:]}.",
        "",
        "| figure | |",
        "|---|---|",
        f"| top-1, static INT8 | {card.int8} % of {card.images:,} test images |",
        f"| top-1, FP32 | {card.fp32} % |",
        f"| INT8 below FP32 | {card.drop} points, paired |",
        f"| INT8 file | {card.int8_bytes:,} bytes (ONNX, for {card.target}) |",
        f"| parameters | {card.parameters:,} |",
        f"| multiply-accumulates | {card.macs:,} for one image |",
        f"| training | {training_time(training)} |",
        f"| weights | SHA-256 {card.weights} |",
        "",
        "Brackets hold 95 % intervals.",
        "",
        f"**Data.** CIFAR-10 (A. Krizhevsky 2009): {training['train_images']:,} training images; "
        f"{training['validation_images']:,} others decided what was chosen. The test images were "
        "looked at for the figures above and for nothing else.",
        "",
        f"**Recipe.** `{command(name, training)}`{_since(training)}",
        "",
        f"**Limits.** It knows {len(checkpoint.classes)} classes "
        f"({', '.join(checkpoint.classes)}) and answers with one of them whatever it is shown. "
        f"Images of {checkpoint.input_shape[2]}x{checkpoint.input_shape[1]} pixels. It was not "
        "tried on other cameras, other crops, or images that were tampered with.",
        "",
    ]
    return "\n".join(lines)


def _since(training: Any) -> str:
    """Say where the command of today trains other weights."""
    if "average" in training["config"]:
        return ""
    return ", by an earlier version, which did not take the mean of the weights."


def training_time(training: Any) -> str:
    """Return how long a training took and on what, from its report."""
    epochs = training["epochs"]
    seconds = sum(epoch["seconds"] for epoch in epochs)
    cpu = training.get("cpu") or "a CPU that was not recorded"
    return f"{len(epochs)} epochs, {seconds:,.0f} s on {cpu}"


def command(name: str, training: Any) -> str:
    """Return the command line that trains a model again."""
    config = training["config"]
    options = [f"--epochs {config['epochs']}"]
    if config["seed"]:
        options.append(f"--seed {config['seed']}")
    if config.get("small_crops"):
        options.append(f"--small-crops {config['small_crops']:g}")
    if config.get("teacher"):
        options.append(f"--teacher TEACHER (SHA-256 {config['teacher'][:12]}...)")
    return f"cifarq train {name} {' '.join(options)}"
