"""What is in the workshop: each model's size and cost, and what ships trained."""

from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cifarq import checkpoint, models
from cifarq.evaluation import card
from edge_runtime.report.grid import Grid, wrap

_CLASSES = 10
_INPUT_SHAPE = (3, 32, 32)


def describe(name: str) -> dict[str, Any]:
    """Return a model's facts for CIFAR-10's shape, as JSON values.

    ``macs`` are the multiply-accumulates of convolutions and matrix products for one image;
    ``test_top1`` and ``int8_bytes`` are of the static INT8 ONNX file; see ``card``.
    """
    architecture = models.get(name)
    model = architecture.build(_CLASSES, _INPUT_SHAPE).eval()
    folder = models.pretrained(name)
    training = checkpoint.load(folder).training if folder else None
    figures = card.read(folder) if folder else None
    return {
        "name": name,
        "description": architecture.DESCRIPTION,
        "parameters": sum(p.numel() for p in model.parameters()),
        "macs": _macs(model, _INPUT_SHAPE)["Global"],
        "pretrained_validation_top1": training["epochs"][-1]["validation_top1"]
        if training
        else None,
        "test_top1": figures.int8.value if figures else None,
        "int8_bytes": figures.int8_bytes if figures else None,
        "training": card.training_time(training) if training else None,
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Return what ``describe`` found of several models as a table, and a line for each below it."""
    headings = [
        "model",
        "top-1 %, test",
        "top-1 %, validation",
        "INT8 bytes",
        "million MACs",
        "parameters",
    ]
    drawn = Grid(headings, [_row(row) for row in rows], left=1)
    notes = [
        f"{row['name']}: {row['description']}; {row['training'] or 'not trained'}" for row in rows
    ]
    meaning = (
        "test: the static INT8 ONNX file, on all test images. validation: FP32, on images that no "
        "weight was learned from. MACs: multiply-accumulates for one image."
    )
    return "\n".join([*drawn.text(), "", *map(wrap, notes), "", wrap(meaning)])


def _row(row: dict[str, Any]) -> list[str]:
    def percent(share: float | None) -> str:
        return "–" if share is None else f"{100 * share:.2f}"

    size = row["int8_bytes"]
    return [
        row["name"],
        percent(row["test_top1"]),
        percent(row["pretrained_validation_top1"]),
        f"{size:,}" if size else "–",
        f"{row['macs'] / 1e6:.1f}",
        f"{row['parameters']:,}",
    ]


def linear_share(model: nn.Module, input_shape: models.InputShape) -> dict[str, float]:
    """Return the share (0-1) of parameters and of multiply-accumulates that Linear layers hold.

    It bounds what quantizing them alone can save of the file, and of the arithmetic.
    """
    layers = {name: m for name, m in model.named_modules() if isinstance(m, nn.Linear)}
    held = sum(p.numel() for layer in layers.values() for p in layer.parameters())
    macs = _macs(model, input_shape)
    return {
        "parameters": held / sum(p.numel() for p in model.parameters()),
        "macs": sum(macs[f"{type(model).__name__}.{name}"] for name in layers) / macs["Global"],
    }


def _macs(model: nn.Module, input_shape: models.InputShape) -> dict[str, int]:
    """Return multiply-accumulates for one image by module, and of all of them as ``Global``."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, *input_shape))
    return {name: sum(ops.values()) // 2 for name, ops in counter.get_flop_counts().items()}
