"""What is in the workshop: each model's size and cost, and what ships trained."""

from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from cifarq import checkpoint, models

_CLASSES = 10
_INPUT_SHAPE = (3, 32, 32)


def describe(name: str) -> dict[str, Any]:
    """Return a model's facts for CIFAR-10's shape, as JSON values.

    ``macs`` are the multiply-accumulates of convolutions and matrix products for one image.
    """
    architecture = models.get(name)
    model = architecture.build(_CLASSES, _INPUT_SHAPE).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, *_INPUT_SHAPE))
    folder = models.pretrained(name)
    training = checkpoint.load(folder).training if folder else None
    return {
        "name": name,
        "description": architecture.DESCRIPTION,
        "parameters": sum(p.numel() for p in model.parameters()),
        "macs": counter.get_total_flops() // 2,
        "pretrained_validation_top1": training["epochs"][-1]["validation_top1"]
        if training
        else None,
    }
