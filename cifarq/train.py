"""Train a model: ``TrainConfig`` in, ``TrainReport`` and a checkpoint folder out.

One readable loop. Everything random is drawn from (seed, epoch), so that a run which was
interrupted and resumed ends at the same weights as one that was not.
"""

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional

from cifarq import models
from cifarq.augment import augment
from cifarq.checkpoint import Checkpoint, save
from cifarq.data import Dataset
from cifarq.evaluate import torch_predictor
from cifarq.labelled import LabelledImages
from edge_runtime import accuracy, host
from edge_runtime.errors import CheckpointError, UsageError
from edge_runtime.files import atomic_path

RESUME_FILE = "resume.safetensors"
_EVALUATION_BATCH = 500


@dataclass(frozen=True)
class TrainConfig:
    """What is trained and how.

    Attributes:
        architecture: a name in ``cifarq.models``.
        epochs: passes over the training part.
        seed: seeds weights, order, augmentation and dropout.
        batch_size: images a step.
        peak_lr: highest learning rate of the one cycle.
        momentum: Nesterov momentum.
        weight_decay: on weights of convolutions and Linear layers only.
        label_smoothing: share of the target spread over all classes.
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
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise UsageError(f"--epochs is {self.epochs}; at least 1 is needed")


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to: mean training loss, validation top-1 (0-1), seconds taken."""

    number: int
    loss: float
    validation_top1: float
    seconds: float


@dataclass(frozen=True)
class TrainReport:
    """What a training run was, and what each epoch of it came to."""

    config: TrainConfig
    dataset: str
    train_images: int
    validation_images: int
    epochs: tuple[Epoch, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return asdict(self)


class Progress:
    """What a caller may watch: every method does nothing here."""

    def step(self, epoch: int, done: int, total: int) -> None:
        """One step of ``total`` in this epoch is done."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is done and its checkpoint is on disk."""


def train(
    config: TrainConfig,
    dataset: Dataset,
    out: Path,
    *,
    resume: bool = False,
    progress: Progress | None = None,
) -> TrainReport:
    """Train, and write the checkpoint after each epoch.

    Args:
        config: what and how.
        dataset: its train part is learned from, its validation part is reported on; its test part
            is not touched.
        out: the checkpoint folder.
        resume: go on from the last epoch that ``out`` holds.
        progress: told of every step and epoch.

    Raises:
        UsageError: ``out`` holds a run and ``resume`` is not given, or the model is unknown.
        CheckpointError: ``out`` cannot be written to, or its run had another configuration.
    """
    watcher = progress or Progress()
    device = _device(config.device)
    classes, shape = dataset.classes, dataset.train.images.shape[1:]
    architecture = models.get(config.architecture)
    build = getattr(architecture, "build_for_training", architecture.build)
    fold: Callable[[nn.Module], nn.Module] = getattr(architecture, "fold", lambda model: model)

    torch.manual_seed(config.seed)
    model = build(len(classes), shape).to(device).to(memory_format=torch.channels_last)
    optimizer = _optimizer(config, model)
    history: list[Epoch] = []
    if resume and (out / RESUME_FILE).exists():
        history = _restore(out / RESUME_FILE, config, model, optimizer)
    elif (out / RESUME_FILE).exists():
        raise UsageError(f"{out} holds a training run. Go on with --resume, or give another --out.")

    mean, std = dataset.normalisation
    pixels = torch.from_numpy(dataset.train.images).to(device)
    labels = torch.from_numpy(dataset.train.labels).to(device)
    centre, spread = (torch.tensor(v, device=device)[:, None, None] * 255 for v in (mean, std))
    steps = math.ceil(len(labels) / config.batch_size)

    for number in range(len(history), config.epochs):
        started = time.perf_counter()
        generator = torch.Generator().manual_seed(_epoch_seed(config.seed, number))
        torch.manual_seed(_epoch_seed(config.seed, number))  # dropout draws from the global one
        total_loss = 0.0
        model.train()
        for step, chosen in enumerate(_batches(len(labels), config.batch_size, generator)):
            lr = one_cycle(number * steps + step, config.epochs * steps, config.peak_lr)
            for group in optimizer.param_groups:
                group["lr"] = lr
            index = chosen.to(device)
            batch = (augment(pixels[index], generator).float() - centre) / spread
            with autocast(device):
                logits = model(batch.contiguous(memory_format=torch.channels_last))
            loss = functional.cross_entropy(
                logits.float(), labels[index], label_smoothing=config.label_smoothing
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total_loss += loss.item() * len(index)
            watcher.step(number + 1, step + 1, steps)

        deployed = fold(model)
        top1 = _top1(deployed, dataset.validation, mean, std)
        seconds = time.perf_counter() - started
        history.append(Epoch(number + 1, total_loss / len(labels), top1, round(seconds, 1)))
        report = TrainReport(
            config, dataset.name, len(labels), len(dataset.validation), tuple(history)
        )
        checkpoint = Checkpoint(
            architecture=config.architecture,
            classes=classes,
            input_shape=shape,
            mean=mean,
            std=std,
            weights=deployed.state_dict(),
            training=report.to_json(),
        )
        save(checkpoint, out)
        _keep(out / RESUME_FILE, config, model, optimizer, history)
        watcher.epoch(history[-1])
    return TrainReport(config, dataset.name, len(labels), len(dataset.validation), tuple(history))


def one_cycle(step: int, total: int, peak: float, *, warm_up: float = 0.25) -> float:
    """Return the learning rate at ``step`` of ``total``: up in a line, down along half a cosine.

    Source: L. Smith and N. Topin 2018 (arXiv:1708.07120); the cosine from the fast.ai library.
    """
    done = (step + 1) / total
    if done <= warm_up:
        return peak * done / warm_up
    return peak * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up))) / 2


def autocast(device: torch.device) -> AbstractContextManager[Any]:
    """Return bfloat16 autocast where the processor has bfloat16 instructions, else nothing.

    Emulated bfloat16 is slower than float32, so a CPU that lacks them trains in float32.
    """
    enabled = device.type == "cuda" or host.has_bfloat16()
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: this PyTorch sees no CUDA device. Use --device cpu.")
    return torch.device(name)


def _optimizer(config: TrainConfig, model: nn.Module) -> torch.optim.SGD:
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=config.peak_lr, momentum=config.momentum, nesterov=True)


def _epoch_seed(seed: int, epoch: int) -> int:
    return seed * 100_003 + epoch


def _batches(count: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    order = torch.randperm(count, generator=generator)
    batches = list(order.split(size))
    if len(batches) > 1 and len(batches[-1]) == 1:  # batch norm cannot normalise a batch of one
        batches[-2:] = [torch.cat(batches[-2:])]
    yield from batches


def _top1(
    model: nn.Module, images: LabelledImages, mean: tuple[float, ...], std: tuple[float, ...]
) -> float:
    logits = accuracy.logits_of(
        torch_predictor(model), images.images, mean=mean, std=std, batch_size=_EVALUATION_BATCH
    )
    return accuracy.top1(logits, images.labels).value


def _keep(
    path: Path,
    config: TrainConfig,
    model: nn.Module,
    optimizer: torch.optim.SGD,
    history: list[Epoch],
) -> None:
    """Write all that ``--resume`` needs in one file: weights, statistics, momenta, history."""
    tensors = {f"model/{name}": tensor for name, tensor in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        tensors[f"momentum/{name}"] = optimizer.state[parameter]["momentum_buffer"]
    metadata = {
        "config": json.dumps(asdict(config)),
        "history": json.dumps([asdict(epoch) for epoch in history]),
    }
    with atomic_path(path) as temporary:
        safetensors.torch.save_file(
            {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
            temporary,
            metadata,
        )


def _restore(
    path: Path, config: TrainConfig, model: nn.Module, optimizer: torch.optim.SGD
) -> list[Epoch]:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"cannot resume from {path}: {error}") from error
    before, now = json.loads(metadata["config"]), asdict(config)
    if differing := sorted(k for k in now if k != "device" and before.get(k) != now[k]):
        changes = ", ".join(f"{k} was {before.get(k)}, is {now[k]}" for k in differing)
        raise CheckpointError(
            f"the run in {path.parent} had another configuration ({changes}). Resume with the same "
            "options, or give another --out."
        )
    prefix = "model/"
    model.load_state_dict(
        {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    )
    for name, parameter in model.named_parameters():
        momentum = torch.empty_like(parameter).copy_(tensors[f"momentum/{name}"])
        optimizer.state[parameter]["momentum_buffer"] = momentum
    return [Epoch(**epoch) for epoch in json.loads(metadata["history"])]
