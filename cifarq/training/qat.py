"""Quantization-aware training: what it starts from, and what is kept of it.

Source: B. Jacob et al. 2018 (arXiv:1712.05877).
"""

from dataclasses import replace

import torch

from cifarq.checkpoint import Checkpoint
from cifarq.data.datasets import Dataset
from cifarq.learned_ranges import Learned, Qat
from cifarq.training.batches import Batches
from cifarq.training.fake_quantize import FakeQuantized
from cifarq.training.report import TrainConfig
from edge_runtime.errors import CheckpointError, UsageError

PEAK_LR = 0.002
"""Its highest learning rate: the weights are trained already."""

_START_IMAGES = 256


def configure(
    config: TrainConfig, start: Checkpoint, target: str, learning_rate: float | None = None
) -> TrainConfig:
    """Return a configuration as quantization-aware training from a checkpoint has it."""
    return replace(config, peak_lr=learning_rate or PEAK_LR, qat=start.digest, target=target)


def require_start(start: Checkpoint, config: TrainConfig, dataset: Dataset) -> None:
    """Refuse a checkpoint that cannot be trained on with these images.

    Raises:
        CheckpointError: its ranges were learned before, or it is of other classes or images.
        UsageError: the images are to change their size.
    """
    if config.small_crops:
        raise UsageError("--small-crops is for training from scratch.", "Leave it out with --qat.")
    if start.learned:
        raise CheckpointError(
            "--qat: this checkpoint was trained with --qat already.",
            "Give the one that it started from, and more --epochs.",
        )
    shape = dataset.train.images.shape[1:]
    there, here = (start.classes, start.input_shape), (dataset.classes, shape)
    for name, its, ours in zip(("classes", "input shape"), there, here, strict=True):
        if tuple(its) != tuple(ours):
            raise CheckpointError(
                f"--qat: its {name} is {tuple(its)}, the data set's is {tuple(ours)}.",
                "Give the data set that it was trained on.",
            )


def build(start: Checkpoint, config: TrainConfig, batches: Batches) -> FakeQuantized:
    """Return a checkpoint's model as it is trained, on the device of the batches.

    Its ranges begin with what a batch of training images shows.

    Raises:
        CheckpointError: the model is none that can be trained so.
    """
    model = FakeQuantized(start.model(), start.input_shape, config.target)
    model = model.to(batches.device).to(memory_format=torch.channels_last)
    generator = torch.Generator().manual_seed(config.seed)
    chosen = batches.order(_START_IMAGES, generator)[0]
    images, _ = batches.read(chosen, 0, generator, side=batches.side, part=slice(None))
    model.start(images)
    return model


def learned(model: FakeQuantized, config: TrainConfig, images: int) -> Learned:
    """Return what a checkpoint holds beside the weights.

    Args:
        model: that was trained.
        config: how.
        images: how many it learned from.
    """
    return Learned(Qat(config.target, config.qat, images, config.seed), model.ranges())
