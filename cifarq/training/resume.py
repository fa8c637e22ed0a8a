"""What a training run needs to go on: one file of tensors, written and replaced whole.

``resume.safetensors`` holds the model as it is trained (batch norms and their statistics), the
optimizer's momenta, and the caller's metadata. Random state is not needed: see ``train``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors import SafetensorError
from torch import nn

from cifarq.checkpoint import serialise
from edge_runtime.errors import CheckpointError, reason
from edge_runtime.files import write_bytes

FILE = "resume.safetensors"
_MODEL, _MOMENTUM = "model/", "momentum/"


def keep(
    folder: Path, model: nn.Module, optimizer: torch.optim.SGD, metadata: dict[str, str]
) -> None:
    """Write model, momenta and metadata."""
    tensors = {f"{_MODEL}{name}": tensor for name, tensor in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        tensors[f"{_MOMENTUM}{name}"] = optimizer.state[parameter]["momentum_buffer"]
    try:
        write_bytes(folder / FILE, serialise(tensors, metadata))
    except OSError as error:
        raise CheckpointError(f"cannot write {folder / FILE}: {error}") from error


def metadata(folder: Path) -> dict[str, str]:
    """Return the metadata that was kept.

    Raises:
        CheckpointError: the file is damaged.
    """
    with _open(folder) as file:
        kept: dict[str, str] | None = file.metadata()
    if not kept:
        raise CheckpointError(f"cannot resume from {folder / FILE}: it is not a training run's.")
    return kept


def restore(folder: Path, model: nn.Module, optimizer: torch.optim.SGD) -> None:
    """Bring model and optimizer back to what was kept.

    Raises:
        CheckpointError: the file is damaged, or holds another model.
    """
    with _open(folder) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        model.load_state_dict(
            {k.removeprefix(_MODEL): v for k, v in tensors.items() if k.startswith(_MODEL)}
        )
    for name, parameter in model.named_parameters():
        momentum = torch.empty_like(parameter).copy_(tensors[f"{_MOMENTUM}{name}"])
        optimizer.state[parameter]["momentum_buffer"] = momentum


@contextmanager
def _open(folder: Path) -> Iterator[Any]:
    try:
        with safetensors.safe_open(folder / FILE, framework="pt") as file:
            yield file
    except (SafetensorError, OSError, RuntimeError) as error:
        raise CheckpointError(f"cannot resume from {folder / FILE}: {reason(error)}") from error
