"""Files of tensors: safetensors, which nothing is pickled in, so that reading one runs no code."""

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from edge_runtime.errors import CheckpointError, reason
from edge_runtime.files import read_regular

MOST_BYTES = 2 * 2**30
"""Of a file of weights: an ONNX file, which they are exported as, holds no more."""


def serialise(tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> bytes:
    """Return tensors, from whichever device, as the bytes of a safetensors file."""
    on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    return safetensors.torch.save(on_cpu, metadata)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file.

    Raises:
        CheckpointError: it is absent, truncated, or no such file.
    """
    return parse_tensors(read_bytes(path), path)


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file of weights: what is hashed is what is loaded.

    Raises:
        CheckpointError: it cannot be read.
    """
    try:
        return read_regular(path, MOST_BYTES)
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}.") from error


def parse_tensors(content: bytes, path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file.

    Args:
        content: the file's bytes.
        path: what it is called in messages.

    Raises:
        CheckpointError: it is truncated, or no such file.
    """
    try:
        return safetensors.torch.load(content)
    except Exception as error:  # of a type that PyTorch has not, it raises a KeyError
        raise CheckpointError(
            f"{path} is not a whole safetensors file ({reason(error)}). It is truncated, or a "
            "pickle under that name, which is never read.",
            "Convert weights with safetensors.torch.save_file(model.state_dict(), FILE).",
        ) from error


def fill(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Load a state_dict that came from a file.

    Raises:
        RuntimeError: it is not the module's.
    """
    own = OrderedDict(tensors)
    # Which version of each module wrote them is not in safetensors; MNASNet asks for it.
    own._metadata = module.state_dict()._metadata  # type: ignore[attr-defined]
    module.load_state_dict(own)


def misfit(tensors: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> str:
    """Return the first thing in which tensors are not what a model has; empty if they are.

    Args:
        tensors: what was read.
        own: the model's, perhaps on the meta device.
    """
    if odd := sorted(own.keys() ^ tensors.keys()):
        return f"{odd[0]:.60} is {'missing' if odd[0] in own else 'not part of it'}"
    for name, tensor in own.items():
        there, here = (f"{tuple(t.shape)} {_type(t)}" for t in (tensors[name], tensor))
        if there != here:
            return f"{name} is {there}, not {here}"
    return ""


def require_kinds(tensors: Mapping[str, Tensor], own: Mapping[str, Tensor], where: object) -> None:
    """Refuse numbers of another kind than a model's; floats of another precision are converted.

    Raises:
        CheckpointError: integers where the model has floats, for instance.
    """
    for name, tensor in tensors.items():
        if name in own and _kind(tensor) != _kind(own[name]):
            raise CheckpointError(
                f"{where}: {name} is {_type(tensor)}, where the model has {_type(own[name])}.",
                "Save the FP32 model's state_dict.",
            )


def _kind(tensor: Tensor) -> tuple[bool, bool, bool]:
    return tensor.is_floating_point(), tensor.is_complex(), tensor.dtype is torch.bool


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def require_finite(tensors: Mapping[str, Tensor], where: object) -> None:
    """Refuse weights that are no numbers.

    Raises:
        CheckpointError: one of the tensors holds NaN or an infinite value.
    """
    for name, tensor in tensors.items():
        # As FP32, which the model computes in: of types of 8 bits PyTorch cannot tell.
        values = tensor.float() if tensor.is_floating_point() else tensor
        if not torch.isfinite(values).all():
            raise CheckpointError(f"{where}: tensor {name!r} holds NaN or infinite values.")
