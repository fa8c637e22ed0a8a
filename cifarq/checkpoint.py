"""A checkpoint on disk: a folder with ``model.safetensors`` and ``checkpoint.json``.

Nothing is pickled, so reading one runs no code. ``checkpoint.json`` holds the schema version, what
is needed to build and feed the model, the training report, and the SHA-256 of the weights.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor, nn

from cifarq import models
from edge_runtime.errors import CheckpointError
from edge_runtime.files import sha256_of, write_bytes, write_text

SCHEMA = 1
WEIGHTS_FILE = "model.safetensors"
METADATA_FILE = "checkpoint.json"
_KINDS = {
    "architecture": str,
    "classes": list,
    "input_shape": list,
    "mean": list,
    "std": list,
    "sha256": str,
    "training": dict,
}


@dataclass(frozen=True)
class Checkpoint:
    """Weights, and what is needed to build and feed the model they belong to.

    Attributes:
        architecture: a name in ``cifarq.models``.
        classes: class names in the order of the logits.
        input_shape: (C, H, W) of one image.
        mean, std: per-channel normalisation on the 0-1 scale, RGB.
        weights: the deployed graph's state_dict, batch norms folded.
        training: how it was trained and what it reached on validation.
    """

    architecture: str
    classes: tuple[str, ...]
    input_shape: models.InputShape
    mean: tuple[float, ...]
    std: tuple[float, ...]
    weights: Mapping[str, Tensor]
    training: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.input_shape) != 3 or not all(isinstance(n, int) for n in self.input_shape):
            raise ValueError(f"input_shape is {self.input_shape}; expected (C, H, W)")
        if not len(self.mean) == len(self.std) == self.input_shape[0]:
            raise ValueError(
                f"{len(self.mean)} means and {len(self.std)} deviations for {self.input_shape[0]} "
                "channels"
            )
        if min(self.std) <= 0:
            raise ValueError(f"std is {self.std}; every deviation has to be above 0")

    def model(self) -> nn.Module:
        """Build the model in eval mode with these weights.

        Raises:
            CheckpointError: the weights are not this architecture's.
        """
        model = models.get(self.architecture).build(len(self.classes), self.input_shape)
        try:
            model.load_state_dict(dict(self.weights))
        except RuntimeError as error:
            reason = str(error).splitlines()[-1].strip()
            raise CheckpointError(
                f"the weights do not fit {self.architecture} with {len(self.classes)} classes and "
                f"input {self.input_shape}: {reason}"
            ) from error
        return model.eval()


def save(checkpoint: Checkpoint, folder: Path) -> None:
    """Write ``checkpoint`` into ``folder``, each file whole or not at all.

    Raises:
        CheckpointError: the folder cannot be written to.
    """
    content = serialise(checkpoint.weights)
    metadata = {
        "schema": SCHEMA,
        "architecture": checkpoint.architecture,
        "classes": list(checkpoint.classes),
        "input_shape": list(checkpoint.input_shape),
        "mean": list(checkpoint.mean),
        "std": list(checkpoint.std),
        "sha256": hashlib.sha256(content).hexdigest(),
        "training": dict(checkpoint.training),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(folder / WEIGHTS_FILE, content)
        write_text(folder / METADATA_FILE, json.dumps(metadata, indent=1) + "\n")
    except OSError as error:
        raise CheckpointError(f"cannot write a checkpoint to {folder}: {error}") from error


def serialise(tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> bytes:
    """Return tensors, from whichever device, as the bytes of a safetensors file."""
    on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    return safetensors.torch.save(on_cpu, metadata)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file.

    Raises:
        CheckpointError: it is absent, truncated, or no such file.
    """
    try:
        return safetensors.torch.load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is not a whole safetensors file ({error}). It is absent, truncated, or a "
            "pickle under that name, which is never read.",
            "Convert weights with safetensors.torch.save_file(model.state_dict(), FILE).",
        ) from error


def require_finite(tensors: Mapping[str, Tensor], where: object) -> None:
    """Refuse weights that are no numbers.

    Raises:
        CheckpointError: one of the tensors holds NaN or an infinite value.
    """
    for name, tensor in tensors.items():
        if not math.isfinite(float(tensor.float().sum())):
            raise CheckpointError(f"{where}: tensor {name!r} holds NaN or infinite values.")


def load(folder: Path) -> Checkpoint:
    """Read a checkpoint folder.

    Raises:
        CheckpointError: it is not one, its files do not belong together, or its weights hold
            values that are not finite.
    """
    if folder.is_file():
        raise CheckpointError(
            f"{folder} is a file; a checkpoint is the folder that `cifarq train --out` wrote, with "
            f"{WEIGHTS_FILE} and {METADATA_FILE}. Pickled weights (.pt, .pth, .pkl) can run code "
            "when they are loaded and are never read."
        )
    metadata = _read_metadata(folder / METADATA_FILE)
    weights_file = folder / WEIGHTS_FILE
    if not weights_file.is_file():
        raise CheckpointError(f"{folder} has no {WEIGHTS_FILE}.", "Copy the whole folder again.")
    weights = read_tensors(weights_file)
    if (sha256 := sha256_of(weights_file)) != metadata["sha256"]:
        raise CheckpointError(
            f"{weights_file} has SHA-256 {sha256[:12]}..., {METADATA_FILE} says "
            f"{metadata['sha256'][:12]}...: the files do not belong together.",
            "Copy the folder again, or resume training with --resume.",
        )
    require_finite(weights, weights_file)
    try:
        return Checkpoint(
            architecture=metadata["architecture"],
            classes=tuple(metadata["classes"]),
            input_shape=tuple(metadata["input_shape"]),
            mean=tuple(metadata["mean"]),
            std=tuple(metadata["std"]),
            weights=weights,
            training=metadata["training"],
        )
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{folder / METADATA_FILE}: {error}") from error


def _read_metadata(path: Path) -> dict[str, Any]:
    try:
        metadata = json.loads(path.read_text())
    except FileNotFoundError:
        raise CheckpointError(
            f"{path.parent} is no checkpoint: it has no {METADATA_FILE}.",
            "Give the folder that `cifarq train --out` wrote.",
        ) from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read {path}: {error}") from error
    keys = {"schema", "architecture", "classes", "input_shape", "mean", "std", "sha256", "training"}
    if not isinstance(metadata, dict) or (missing := keys - metadata.keys()):
        lacking = ", ".join(sorted(missing)) if isinstance(metadata, dict) else "everything"
        raise CheckpointError(f"{path} is not a checkpoint's metadata: it lacks {lacking}.")
    for key, kind in _KINDS.items():
        if not isinstance(metadata[key], kind):
            raise CheckpointError(
                f"{path}: {key} is {metadata[key]!r:.40}.", "Copy the folder again."
            )
    if metadata["architecture"] not in models.names():
        raise CheckpointError(
            f"{path}: no model {metadata['architecture']!r} in this version of cifarq."
        )
    if metadata["schema"] != SCHEMA:
        raise CheckpointError(
            f"{path} has schema {metadata['schema']}; this version of cifarq reads {SCHEMA}."
        )
    return metadata
