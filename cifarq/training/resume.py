"""What a training run needs to go on: one file of tensors, written and replaced whole.

``resume.safetensors`` holds the model as it is trained (batch norms and their statistics), the mean
of its weights, the optimizer's momenta, and the caller's metadata. Random state is not needed: see
``train``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from cifarq import tensor_file
from edge_runtime.documents import json_file
from edge_runtime.errors import CheckpointError, reason
from edge_runtime.files import write_bytes

FILE = "resume.safetensors"
_MOMENTUM = "momentum/"


@dataclass(frozen=True)
class State:
    """What training changes.

    Attributes:
        model: as it is trained.
        average: the mean of its weights.
        optimizer: with its momenta.
    """

    model: nn.Module
    average: AveragedModel
    optimizer: torch.optim.SGD

    def modules(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield model and average, each with what the names of its tensors begin with."""
        yield "model/", self.model
        yield "average/", self.average


def keep(folder: Path, state: State, metadata: dict[str, str]) -> None:
    """Write state and metadata."""
    tensors = _tensors(state)
    for name, parameter in state.model.named_parameters():
        momentum = state.optimizer.state[parameter].get("momentum_buffer")
        if momentum is None:  # of what is frozen, or not used
            momentum = torch.zeros_like(parameter)
        tensors[f"{_MOMENTUM}{name}"] = momentum
    try:
        write_bytes(folder / FILE, tensor_file.serialise(tensors, metadata))
    except OSError as error:
        raise CheckpointError(f"cannot write {folder / FILE}: {reason(error)}.") from error


@dataclass(frozen=True)
class Kept:
    """What a file holds.

    Attributes:
        metadata: the caller's.
        tensors: model and momenta, by what the file calls them.
    """

    metadata: dict[str, str]
    tensors: dict[str, Tensor]


def read(folder: Path) -> Kept:
    """Return what was kept.

    Raises:
        CheckpointError: the file is damaged, or no training run's.
    """
    path = folder / FILE
    content = tensor_file.read_bytes(path)
    try:
        tensors = safetensors.torch.load(content)
        # safetensors hands out the metadata of a file that it opens itself, and not of bytes.
        header = json_file.parse(content[8 : 8 + int.from_bytes(content[:8], "little")])
    except Exception as error:  # of a type that PyTorch has not, it raises a KeyError
        raise CheckpointError(f"cannot resume from {path}: {reason(error)}.") from error
    if not (metadata := header.get("__metadata__")):
        raise CheckpointError(f"cannot resume from {path}: it is not a training run's.")
    return Kept(metadata, tensors)


def restore(kept: Kept, state: State) -> None:
    """Bring a state back to what was kept.

    Raises:
        CheckpointError: it is of another model, or holds values that are not finite.
    """
    parameters = dict(state.model.named_parameters())
    own = _tensors(state)
    own |= {f"{_MOMENTUM}{name}": tensor for name, tensor in parameters.items()}
    if difference := tensor_file.misfit(kept.tensors, own):
        raise CheckpointError(f"cannot resume from {FILE}: {difference}.")
    tensor_file.require_finite(kept.tensors, FILE)
    for start, module in state.modules():
        names = module.state_dict()
        tensor_file.fill(module, {name: kept.tensors[f"{start}{name}"] for name in names})
    for name, parameter in parameters.items():
        momentum = torch.empty_like(parameter).copy_(kept.tensors[f"{_MOMENTUM}{name}"])
        state.optimizer.state[parameter]["momentum_buffer"] = momentum


def _tensors(state: State) -> dict[str, Tensor]:
    """Return model and average, by what the file calls their tensors."""
    return {
        f"{start}{name}": tensor
        for start, module in state.modules()
        for name, tensor in module.state_dict().items()
    }
