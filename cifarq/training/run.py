"""A training run that is going on: what is trained, on what, and how far it is."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from cifarq import models
from cifarq.checkpoint import Checkpoint
from cifarq.data.datasets import Dataset
from cifarq.training import network, qat, run_folder
from cifarq.training import resume as resuming
from cifarq.training.average import average
from cifarq.training.batches import Batches
from cifarq.training.loss import Loss, loss_of
from cifarq.training.ranks import Ranks
from cifarq.training.report import Epoch, Progress, TrainConfig
from cifarq.training.schedule import crop_side
from edge_runtime.errors import UsageError


@dataclass
class Run:
    """A training run that is going on: what is trained, on what, and the epochs that are done.

    ``learner`` computes as ``model`` does, with gradients that are all processes' mean.
    """

    config: TrainConfig
    dataset: Dataset
    out: Path
    ranks: Ranks
    normalisation: tuple[tuple[float, ...], tuple[float, ...]]
    model: nn.Module
    learner: nn.Module
    optimizer: torch.optim.SGD
    batches: Batches
    loss: Loss
    average: AveragedModel
    history: list[Epoch]


def prepare(
    config: TrainConfig,
    dataset: Dataset,
    out: Path,
    teacher: Checkpoint | None,
    start: Checkpoint | None,
    resume: bool,
    device: torch.device,
    ranks: Ranks,
    watcher: Progress,
) -> Run:
    """Build what is trained, and bring it to where the run in ``out`` stopped if there is one."""
    run_folder.require_one_run(config, dataset, ranks)
    normalisation = (start.mean, start.std) if start else dataset.normalisation
    batches = Batches(dataset.train, *normalisation, config, device)
    torch.manual_seed(config.seed)
    model: nn.Module
    if start:
        model = qat.build(start, config, batches)
    else:
        _require_crops(config, len(dataset.classes), dataset.train.images.shape[1:])
        model = network.build(config, dataset, watcher)
        model = model.to(device).to(memory_format=torch.channels_last)
    optimizer = _optimizer(config, model)
    mean = average(model, config.average)
    found = ranks.first(lambda: run_folder.find(config, dataset, out, resume))
    if found:
        resuming.restore(found.kept, resuming.State(model, mean, optimizer))
    return Run(
        config,
        dataset,
        out,
        ranks,
        normalisation,
        model,
        ranks.learner(model),
        optimizer,
        batches,
        loss_of(config, dataset, teacher).to(device),
        mean,
        list(found.history) if found else [],
    )


def _require_crops(config: TrainConfig, classes: int, shape: models.InputShape) -> None:
    """Refuse smaller crops for a model whose weights depend on the images' size.

    Raises:
        UsageError: they do.
    """
    if not config.small_crops:
        return
    build = config.builder.build
    small = shape[0], crop_side(shape[1], 0, 1, 1), crop_side(shape[2], 0, 1, 1)
    with torch.device("meta"):
        sizes = [
            [tensor.shape for tensor in build(classes, each).state_dict().values()]
            for each in (shape, small)
        ]
    if sizes[0] != sizes[1]:
        raise UsageError(
            f"--small-crops is {config.small_crops}, and the weights of {config.architecture} "
            "depend on the images' size.",
            "Leave it out.",
        )


def device_of(name: str, ranks: Ranks) -> torch.device:
    """Return the device that ``--device`` names; ``auto`` is a GPU where there is one.

    Raises:
        UsageError: there is none.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise UsageError("--device cuda: this PyTorch sees no CUDA device.", "Use --device cpu.")
    return ranks.cuda_device() if available and name != "cpu" else torch.device("cpu")


def _optimizer(config: TrainConfig, model: nn.Module) -> torch.optim.SGD:
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=config.peak_lr, momentum=config.momentum, nesterov=True)
