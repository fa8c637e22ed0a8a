"""A PyTorch module that answers logits, made from one that answers something else."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from cifarq_export.sources.outputs.meaning import MOST_CERTAIN, SMALLEST, Meaning


class Answer(nn.Module):
    """One output of a model, as numbers (N, width), or as the logits that they stand for.

    Args:
        model: (N, C, H, W) float32 -> a tensor, or several by place or by name.
        name: which of them; empty if there is one.
        width: how many numbers it has for an image.
        meaning: what they are, to answer logits; None answers them as they are.
    """

    def __init__(
        self, model: nn.Module, name: str, width: int, meaning: Meaning | None = None
    ) -> None:
        super().__init__()
        self.model = model
        self.name = name
        self.width = width
        self.meaning = meaning

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map (N, C, H, W) float32 to (N, width), or to logits (N, classes)."""
        answer = tensors(self.model(images))[self.name].reshape(-1, self.width)
        if self.meaning is None:
            return answer
        logits = _to_logits(answer, self.meaning)
        return nn.functional.pad(logits, (1, 0)) if self.width == 1 else logits


def tensors(answer: Any) -> dict[str, torch.Tensor]:
    """Return the tensors of an answer by name: keys, or places; one tensor has no name."""
    if isinstance(answer, torch.Tensor):
        return {"": answer}
    if isinstance(answer, Mapping):
        named = [(str(key), value) for key, value in answer.items()]
    elif isinstance(answer, tuple | list):
        named = [(str(place), value) for place, value in enumerate(answer)]
    else:
        named = []
    return {name: value for name, value in named if isinstance(value, torch.Tensor)}


def answer_logits(model: nn.Module, width: int, meaning: Meaning) -> nn.Module:
    """Return a module that answers the logits for a model's numbers (N, width)."""
    if isinstance(model, Answer):
        return Answer(model.model, model.name, width, meaning).eval()
    return Answer(model, "", width, meaning).eval()


def _to_logits(answer: torch.Tensor, meaning: Meaning) -> torch.Tensor:
    if meaning is Meaning.LOGITS:
        return answer
    logarithm = answer.clamp(min=SMALLEST).log()
    if meaning is Meaning.EXCLUSIVE:
        return logarithm
    return logarithm - (1 - answer).clamp(min=MOST_CERTAIN).log()
