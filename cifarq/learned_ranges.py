"""Activation ranges that quantization-aware training learned, and what they are called.

A range belongs to a place: where the exporter puts a QuantizeLinear node. A place is called by what
computes the value there, in ONNX's words, down to the layers, which have names of their own:
``Relu(conv1)``, ``Relu(Add(Relu(1.conv), 3.second.conv))``. PyTorch's tracers and its ONNX exporter
each number their values in their own way, and with the next version in another; this name comes
from the network alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from edge_runtime.errors import CheckpointError

Range = tuple[float, float]
Ranges = Mapping[str, Range]
"""Place -> (low, high), low <= 0 <= high."""

INPUT = "input"
"""What a network's input is called."""

_PREFIX = "range/"


@dataclass(frozen=True)
class Qat:
    """A quantization-aware training.

    Attributes:
        target: the CPU class that it was for: a name in ``edge_runtime.probes.target``.
        checkpoint: SHA-256 of the weights that it started from.
        images: how many it learned from.
        seed: seeds their order and augmentation.
    """

    target: str
    checkpoint: str
    images: int
    seed: int


@dataclass(frozen=True)
class Learned:
    """The ranges that a training learned, by their places."""

    qat: Qat
    ranges: Ranges


def place(operator: str, inputs: list[str]) -> str:
    """Return what the result of an operator is called.

    Args:
        operator: ONNX's name of it.
        inputs: what its inputs are called.
    """
    return f"{operator}({', '.join(inputs)})"


def as_tensors(ranges: Ranges) -> dict[str, Tensor]:
    """Return ranges as tensors of shape (2,), by what a checkpoint calls them."""
    return {f"{_PREFIX}{name}": torch.tensor(limits) for name, limits in ranges.items()}


def take(tensors: dict[str, Tensor], where: object) -> dict[str, Range]:
    """Remove the ranges from a checkpoint's tensors, and return them.

    Args:
        tensors: by what a checkpoint calls them.
        where: the file, as messages call it.

    Raises:
        CheckpointError: one of them is no range.
    """
    found = {}
    for name in [name for name in tensors if name.startswith(_PREFIX)]:
        limits = tensors.pop(name).flatten().tolist()
        if len(limits) != 2 or not limits[0] <= 0 <= limits[1]:
            raise CheckpointError(f"{where}: {name} is no range that holds zero: {limits}.")
        found[name.removeprefix(_PREFIX)] = (limits[0], limits[1])
    return found
