"""Train a model: ``TrainConfig`` in, ``TrainReport`` and a checkpoint folder out.

One readable loop. Everything random is drawn from (seed, epoch), so that a run which was
interrupted and resumed ends at the same weights as one that was not.
"""

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cifarq import models
from cifarq.checkpoint import Checkpoint, save
from cifarq.data.datasets import Dataset
from cifarq.data.labelled import LabelledImages
from cifarq.evaluation.evaluate import torch_predictor
from cifarq.training import freezing, qat, run_folder
from cifarq.training import resume as resuming
from cifarq.training.events import Events
from cifarq.training.fake_quantize import FakeQuantized
from cifarq.training.loss import require_teacher
from cifarq.training.ranks import ALONE, Ranks
from cifarq.training.report import Epoch, Progress, TrainConfig, TrainReport
from cifarq.training.run import Run, device_of, prepare
from cifarq.training.schedule import crop_side, one_cycle
from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.errors import CheckpointError
from edge_runtime.measure import accuracy
from edge_runtime.probes import cpuinfo

_EVALUATION_PIXELS = 500 * 32 * 32
"""Of a batch that is evaluated: what a network computes of it has to fit into memory."""


def train(
    config: TrainConfig,
    dataset: Dataset,
    out: Path,
    *,
    teacher: Checkpoint | None = None,
    start: Checkpoint | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    ranks: Ranks = ALONE,
    logdir: Path | None = None,
) -> TrainReport:
    """Train, and write the checkpoint after each epoch.

    Args:
        config: what and how.
        dataset: its train part is learned from, its validation part is reported on; its test part
            is not touched.
        out: the checkpoint folder.
        teacher: whose answers are learned from, if any; ``config.teacher`` is its ``digest``.
        start: what quantization-aware training starts from, if it is one; ``config.qat`` is its
            ``digest``.
        resume: go on from the last epoch that ``out`` holds.
        progress: told of every step and epoch.
        ranks: the processes that train together. All call this alike; the first alone evaluates,
            writes and tells.
        logdir: folder for TensorBoard's event files.

    Raises:
        UsageError: ``out`` holds a run and ``resume`` is not given, the model is unknown, or there
            are more processes than batch size or CUDA devices allow.
        CheckpointError: ``out`` cannot be written to, another process writes to it, or its run had
            another configuration.
    """
    if config.factory is None:
        models.get(config.architecture)
    if teacher:
        require_teacher(teacher, dataset)
    if start:
        qat.require_start(start, config, dataset)
    device = device_of(config.device, ranks)
    ranks.require_images(config.batch_size)
    watcher = progress if progress and ranks.leads else Progress()
    with run_folder.hold_folder(out) if ranks.leads else nullcontext():
        run = prepare(config, dataset, out, teacher, start, resume, device, ranks, watcher)
        events = Events(logdir if ranks.leads else None, len(run.history))
        if caveat := ranks.caveat(run.model):
            watcher.notice(caveat)
        for number in range(len(run.history), config.epochs):
            _train_epoch(run, number, watcher, events)
    return _report(config, dataset, run.history)


def _train_epoch(run: Run, number: int, watcher: Progress, events: Events) -> None:
    """Train for one epoch, evaluate, and write the checkpoint and what a resumed run needs.

    Raises:
        CheckpointError: the loss is not finite, or ``out`` cannot be written to.
    """
    started = time.perf_counter()
    loss = _epoch(run, number, watcher)
    learned_s = time.perf_counter() - started
    if not math.isfinite(loss):
        kept = f" Epoch {number} is kept in {run.out}." if number else ""
        raise CheckpointError(
            f"training diverged in epoch {number + 1} (loss {loss}).{kept}",
            "Give a smaller --learning-rate.",
        )
    run.ranks.share_statistics(run.model, run.average)
    deployed = _deploy(run)

    def evaluate() -> Epoch:
        top1 = _top1(deployed, run.dataset.validation, *run.normalisation)
        return Epoch(number + 1, loss, top1, round(time.perf_counter() - started, 1))

    run.history.append(run.ranks.first(evaluate))
    if not run.ranks.leads:
        return
    events.write(
        run.history[-1],
        learning_rate=run.optimizer.param_groups[0]["lr"],
        images_per_second=len(run.batches) / learned_s,
    )
    _keep(run, deployed)
    watcher.epoch(run.history[-1])


def _keep(run: Run, deployed: nn.Module) -> None:
    """Write the checkpoint and what a resumed run needs."""
    save(_checkpoint(run, deployed), run.out)
    metadata = run_folder.as_metadata(run.config, run.dataset, run.history)
    resuming.keep(run.out, resuming.State(run.model, run.average, run.optimizer), metadata)


def _deploy(run: Run) -> nn.Module:
    """Return the mean of the weights as it is deployed: batch norms folded, or quantized."""
    if isinstance(run.average.module, FakeQuantized):
        return run.average.module
    fold: Callable[[nn.Module], nn.Module]
    fold = getattr(run.config.builder, "fold", lambda model: model)
    return fold(run.average.module)


def _checkpoint(run: Run, deployed: nn.Module) -> Checkpoint:
    mean, std = run.normalisation
    weights, learned = deployed.state_dict(), None
    if isinstance(deployed, FakeQuantized):
        weights = deployed.weights()
        learned = qat.learned(deployed, run.config, len(run.batches))
    return Checkpoint(
        architecture=run.config.architecture,
        classes=run.dataset.classes,
        input_shape=run.dataset.train.images.shape[1:],
        mean=mean,
        std=std,
        weights=weights,
        training=_report(run.config, run.dataset, run.history).to_json(),
        learned=learned,
        resize=run.config.resizing,
        factory=run.config.factory,
    )


def _epoch(run: Run, number: int, watcher: Progress) -> float:
    """Learn from every image once; return the mean loss."""
    config, ranks = run.config, run.ranks
    seed = _epoch_seed(config.seed, number)
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(ranks.seed(seed))  # dropout draws from the global one
    order = run.batches.order(config.batch_size, generator)
    side = crop_side(run.batches.side, number, config.epochs, config.small_crops)
    total_loss = 0.0
    run.learner.train()
    freezing.keep_evaluating(run.model, config.freeze)
    for step, chosen in enumerate(order):
        done, total = number * len(order) + step, config.epochs * len(order)
        for group in run.optimizer.param_groups:
            group["lr"] = one_cycle(done, total, config.peak_lr)
        part = ranks.part(len(chosen))
        images, labels = run.batches.read(chosen, number, generator, side=side, part=part)
        with autocast(run.batches.device):
            logits = run.learner(images)
            loss = run.loss(images, logits.float(), labels) * ranks.weight(len(chosen))
        run.optimizer.zero_grad()
        loss.backward()
        run.optimizer.step()
        run.average.update_parameters(run.model)
        total_loss += loss.item() * len(chosen)
        watcher.step(number + 1, step + 1, len(order))
    return ranks.mean(total_loss) / len(run.batches)


def autocast(device: torch.device) -> AbstractContextManager[Any]:
    """Return bfloat16 autocast where the processor has bfloat16 instructions, else nothing.

    Emulated bfloat16 is slower than float32, so a CPU that lacks them trains in float32.
    """
    enabled = device.type == "cuda" or cpuinfo.has_bfloat16()
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)


def _epoch_seed(seed: int, epoch: int) -> int:
    return seed * 100_003 + epoch


def _top1(
    model: nn.Module, images: LabelledImages, mean: tuple[float, ...], std: tuple[float, ...]
) -> float:
    _, _, height, width = images.images.shape
    logits = accuracy.logits_of(
        torch_predictor(model),
        images.images,
        Preprocessing(mean, std),
        batch_size=max(1, _EVALUATION_PIXELS // (height * width)),
    )
    return accuracy.top1(logits, images.labels).value


def _report(config: TrainConfig, dataset: Dataset, history: list[Epoch]) -> TrainReport:
    counts = len(dataset.train), len(dataset.validation)
    cpu = cpuinfo.model().value or ""
    return TrainReport(config, dataset.name, *counts, cpu, tuple(history))
