"""What a training run is, and what each epoch of it came to."""

from dataclasses import dataclass
from typing import Any

from cifarq import models
from cifarq.factory import Factory
from edge_runtime.bundle.resizing import Resizing
from edge_runtime.documents.strict import Positive, Share
from edge_runtime.documents.values import to_json
from edge_runtime.errors import UsageError

FINE_TUNING_LR = 0.003
"""Peak learning rate of a run that begins with weights: ``TrainConfig``'s own would undo them.

Source: A. Kolesnikov et al. 2019 (arXiv:1912.11370), whose fine-tuning begins with it.
"""


@dataclass(frozen=True)
class TrainConfig:
    """What is trained and how.

    Attributes:
        architecture: a name in ``cifarq.models``, or that of ``factory``.
        epochs: passes over the training part.
        seed: seeds weights, order, augmentation and dropout.
        batch_size: images a step.
        peak_lr: highest learning rate of the one cycle.
        momentum: Nesterov momentum.
        weight_decay: on weights of convolutions and Linear layers only.
        label_smoothing: share of the target spread over all classes.
        cutout: side in pixels of the square that is cut out of each image.
        alternate: whether every other epoch mirrors what the one before did not; else each image
            is mirrored by chance.
        average: share of the mean of the weights that each step keeps; see ``average``.
        small_crops: share of the epochs that learn from smaller crops; see ``crop_side``.
        image_size: side in pixels that photographs are scaled and cropped to; None takes images as
            they are.
        factory: the function that builds the model; None for one of ``cifarq.models``.
        weights: the file of weights that the run begins with; empty for fresh ones.
        freeze: what the names of parameters begin with that do not learn; see ``freezing``.
        balanced: whether the loss weighs the classes alike, however many images each has.
        teacher: SHA-256 of the weights of the model whose answers are learned from; empty if none.
        qat: SHA-256 of the weights that quantization-aware training starts from; empty if it is
            none.
        target: the CPU class that it is for; empty if it is none.
        device: ``cpu``, ``cuda``, or ``auto``.
    """

    architecture: str
    epochs: int = 6
    seed: int = 0
    batch_size: int = 128
    peak_lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1
    cutout: int = 7
    alternate: bool = True
    average: float = 0.998
    small_crops: float = 0.0
    image_size: int | None = None
    factory: Factory | None = None
    weights: str = ""
    freeze: tuple[str, ...] = ()
    balanced: bool = False
    teacher: str = ""
    qat: str = ""
    target: str = ""
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise UsageError(f"--epochs is {self.epochs}.", "Give 1 or more.")

    @property
    def builder(self) -> Factory | models.Architecture:
        """What builds the model."""
        return self.factory or models.get(self.architecture)

    @property
    def resizing(self) -> Resizing | None:
        """How images are brought to their size; None if they are taken as they are."""
        return Resizing(self.image_size) if self.image_size else None


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to: mean training loss, validation top-1 (0-1), seconds taken."""

    number: Positive
    loss: float
    validation_top1: Share
    seconds: float


@dataclass(frozen=True)
class TrainReport:
    """What a training run was, on which CPU it ended, and what each epoch of it came to."""

    config: TrainConfig
    dataset: str
    train_images: int
    validation_images: int
    cpu: str
    epochs: tuple[Epoch, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        values: dict[str, Any] = to_json(self)
        return values


class Progress:
    """What a caller may watch: every method does nothing here."""

    def notice(self, line: str) -> None:
        """Something that is to be known before the first step."""

    def step(self, epoch: int, done: int, total: int) -> None:
        """One step of ``total`` in this epoch is done."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is done and its checkpoint is on disk."""
