"""Weights that a user gives for a model: a safetensors file with its state_dict."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from cifarq import tensor_file
from edge_runtime.errors import CheckpointError


def load(model: nn.Module, path: Path, *, new_head: int | None = None) -> tuple[str, ...]:
    """Give a model the weights of a file.

    Args:
        model: whose state_dict the file is to hold.
        path: a safetensors file.
        new_head: how many classes the model has, if the file may be for another number of them:
            then its last layer stays as it was made.

    Returns:
        The names of the tensors that were left as they were made.

    Raises:
        CheckpointError: the file cannot be read or does not fit.
    """
    own = model.state_dict()
    tensors = tensor_file.read_tensors(path)
    tensor_file.require_kinds(tensors, own, f"--weights {path}")
    tensor_file.require_finite(tensors, path)
    left = tuple(name for name in own if _is_head(name, tensors, own, new_head))
    try:
        tensor_file.fill(model, tensors | {name: own[name] for name in left})
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise CheckpointError(f"--weights {path} do not fit the model: {reason}") from error
    return left


def _is_head(
    name: str, there: Mapping[str, Tensor], own: Mapping[str, Tensor], classes: int | None
) -> bool:
    """Say whether a tensor has a row for each class, and the file's as many rows as others have."""
    if classes is None or name not in there:
        return False
    ours, theirs = own[name].shape, there[name].shape
    return ours[:1] == (classes,) != theirs[:1] and ours[1:] == theirs[1:]
