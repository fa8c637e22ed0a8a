"""The network that a run trains, as it begins; one of the user's own has to be a classifier."""

import copy
from pathlib import Path

import torch
from torch import Tensor, nn

from cifarq import weights
from cifarq.data.datasets import Dataset
from cifarq.models import InputShape
from cifarq.training import freezing
from cifarq.training.report import Progress, TrainConfig
from edge_runtime.errors import UsageError, reason


def build(config: TrainConfig, dataset: Dataset, watcher: Progress) -> nn.Module:
    """Build the network with the weights that it begins with, and freeze what is not to learn.

    Raises:
        UsageError: it is no classifier of the data set, or a part to freeze does not exist.
        CheckpointError: the weights do not fit.
    """
    shape, classes = dataset.train.images.shape[1:], len(dataset.classes)
    model = getattr(config.builder, "build_for_training", config.builder.build)(classes, shape)
    if config.factory:
        _require_classifier(model, classes, shape, config.factory.options)
    if config.weights and (left := weights.load(model, Path(config.weights), new_head=classes)):
        watcher.notice(
            f"Note: {', '.join(left)} of {config.weights} are for another number of classes: they "
            "begin as the model was made."
        )
    freezing.freeze(model, config.freeze)
    return model


def _require_classifier(model: nn.Module, classes: int, shape: InputShape, options: str) -> None:
    """Refuse a model that does not answer a batch of images with a number for each class.

    Args:
        model: in training mode it is asked, for there some answer otherwise; it is not changed.
        classes: how many numbers an image is to be answered with.
        shape: (C, H, W) of one image.
        options: what names the model on the command line.

    Raises:
        UsageError: it cannot take such images, or answers otherwise.
    """
    try:
        answer = copy.deepcopy(model).train()(torch.zeros(2, *shape))
    except Exception as error:  # the user's code may raise anything
        raise UsageError(
            f"{options} cannot take a batch (2, {', '.join(map(str, shape))}): "
            f"{type(error).__name__}: {reason(error)}.",
            "Check --image-size.",
        ) from error
    if not isinstance(answer, Tensor):
        raise UsageError(
            f"{options} answers with a {type(answer).__name__} in training; one tensor "
            f"(images, {classes}) is needed.",
            "Give a function whose model returns one.",
        )
    if answer.shape != (2, classes):
        raise UsageError(
            f"{options} answers 2 images with an array {tuple(answer.shape)}; with {classes} "
            f"classes it has to be (2, {classes}).",
            "Name the number of classes as the function takes it, as in --model-arg "
            f"num_classes={classes}.",
        )
