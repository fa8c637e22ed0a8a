"""A checkpoint on disk: a folder with ``model.safetensors`` and ``checkpoint.json``.

Nothing is pickled, so reading one runs no code. ``checkpoint.json`` holds the schema version, what
is needed to build and feed the model, the training report, and the SHA-256 of the weights. After
quantization-aware training the weights' file holds ranges too, as ``range/PLACE``.

Schema 2 says how images were resized and which function built the model; 1 knew neither.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, cast

import torch
from torch import Tensor, nn

from cifarq import learned_ranges, models, tensor_file
from cifarq.factory import Factory
from cifarq.learned_ranges import Learned, Qat
from edge_runtime.bundle.manifest import require_class_names
from edge_runtime.bundle.preprocess import Deviation, Mean
from edge_runtime.bundle.resizing import Resizing
from edge_runtime.documents import json_file, strict
from edge_runtime.documents.strict import Bounds
from edge_runtime.documents.values import to_json
from edge_runtime.errors import CheckpointError, reason
from edge_runtime.files import write_bytes, write_text

SCHEMA = 2
_READ = (1, 2)
WEIGHTS_FILE = "model.safetensors"
METADATA_FILE = "checkpoint.json"
Side = Annotated[int, Bounds(1, 65_536)]


@dataclass(frozen=True)
class _Metadata:
    """What ``checkpoint.json`` holds beside its schema; see ``Checkpoint``."""

    architecture: str
    classes: tuple[str, ...]
    input_shape: tuple[Side, ...]
    mean: tuple[Mean, ...]
    std: tuple[Deviation, ...]
    sha256: str
    training: dict[str, Any]
    qat: Qat | None = None
    resize: Resizing | None = None
    factory: Factory | None = None


@dataclass(frozen=True)
class Checkpoint:
    """Weights, and what is needed to build and feed the model they belong to.

    Attributes:
        architecture: a name in ``cifarq.models``; of another model, the function's name.
        classes: class names in the order of the logits.
        input_shape: (C, H, W) of one image.
        mean, std: per-channel normalisation on the 0-1 scale, RGB.
        weights: the deployed graph's state_dict, batch norms folded.
        training: how it was trained and what it reached on validation.
        learned: activation ranges, of a quantization-aware training.
        resize: how images are brought to ``input_shape``; None if they are taken as they are.
        factory: the function that builds it; None if it is a model of ``cifarq.models``.
        folder: where it was read; what it is called in messages.
    """

    architecture: str
    classes: tuple[str, ...]
    input_shape: models.InputShape
    mean: tuple[float, ...]
    std: tuple[float, ...]
    weights: Mapping[str, Tensor]
    training: Mapping[str, Any] = field(default_factory=dict)
    learned: Learned | None = None
    resize: Resizing | None = None
    factory: Factory | None = None
    folder: Path = field(default=Path("CHECKPOINT"), compare=False)

    def __post_init__(self) -> None:
        require_class_names(self.classes)
        if len(self.input_shape) != 3:
            raise ValueError(f"input_shape is {self.input_shape}; expected (C, H, W)")
        if not len(self.mean) == len(self.std) == self.input_shape[0]:
            raise ValueError(
                f"{len(self.mean)} means and {len(self.std)} deviations for {self.input_shape[0]} "
                "channels"
            )

    @property
    def digest(self) -> str:
        """The SHA-256 of the weights' file."""
        return hashlib.sha256(tensor_file.serialise(self.weights)).hexdigest()

    def model(self, factory: Factory | None = None) -> nn.Module:
        """Build the model in eval mode with these weights.

        Args:
            factory: the function that the user names. It runs code, so a checkpoint that names one
                is built only if it is this one.

        Raises:
            CheckpointError: the weights are not this architecture's, or it is built by a function
                that the user does not name.
        """
        shape = len(self.classes), self.input_shape
        build = self._builder(factory).build
        # On meta a model takes no memory, whatever the shape; not every function builds there.
        with torch.device("cpu" if self.factory else "meta"):
            own = build(*shape).state_dict()
        if difference := tensor_file.misfit(self.weights, own):
            raise CheckpointError(
                f"the weights do not fit {self.architecture} with {len(self.classes)} classes and "
                f"input {self.input_shape}: {difference}."
            )
        model = build(*shape)
        tensor_file.fill(model, self.weights)
        return model.eval()

    def _builder(self, named: Factory | None) -> Factory | models.Architecture:
        if self.factory is None:
            return models.get(self.architecture)
        if self.factory != named:
            options = f"{self.folder} {self.factory.options}"
            raise CheckpointError(
                f"{self.folder} was trained from {self.factory.options}; building that model runs "
                "code, which a checkpoint may not choose.",
                f"If you trust that code, name it: cifarq evaluate {options}, or cifarq-export "
                f"{options}.",
            )
        return self.factory


def save(checkpoint: Checkpoint, folder: Path) -> None:
    """Write ``checkpoint`` into ``folder``, each file whole or not at all.

    Raises:
        CheckpointError: the folder cannot be written to.
    """
    learned = checkpoint.learned
    ranges = learned_ranges.as_tensors(learned.ranges) if learned else {}
    content = tensor_file.serialise({**checkpoint.weights, **ranges})
    metadata = _Metadata(
        checkpoint.architecture,
        checkpoint.classes,
        checkpoint.input_shape,
        checkpoint.mean,
        checkpoint.std,
        hashlib.sha256(content).hexdigest(),
        dict(checkpoint.training),
        learned.qat if learned else None,
        checkpoint.resize,
        checkpoint.factory,
    )
    text = json.dumps({"schema": SCHEMA, **to_json(metadata)}, indent=1) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(folder / WEIGHTS_FILE, content)
        write_text(folder / METADATA_FILE, text)
    except OSError as error:
        raise CheckpointError(f"cannot write a checkpoint to {folder}: {reason(error)}.") from error


def load(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Args:
        path: its folder, or the name of a model that ships; see ``models.folder``.

    Raises:
        CheckpointError: it is not one, its files do not belong together, or its weights hold
            values that are not finite.
    """
    folder = models.folder(path)
    if not folder.exists():
        shipped = ", ".join(name for name in models.names() if models.pretrained(name))
        raise CheckpointError(
            f"{path} is no checkpoint: there is no such folder, and no model of that name ships.",
            f"Give the folder that `cifarq train --out` wrote, or one of {shipped}.",
        )
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
    content = tensor_file.read_bytes(weights_file)
    weights = tensor_file.parse_tensors(content, weights_file)
    if (sha256 := hashlib.sha256(content).hexdigest()) != metadata.sha256:
        raise CheckpointError(
            f"{weights_file} has SHA-256 {sha256[:12]}..., {METADATA_FILE} says "
            f"{metadata.sha256[:12]}...: the files do not belong together.",
            "Copy the folder again, or resume training with --resume.",
        )
    tensor_file.require_finite(weights, weights_file)
    ranges = learned_ranges.take(weights, weights_file)
    try:
        return Checkpoint(
            architecture=metadata.architecture,
            classes=metadata.classes,
            input_shape=cast(models.InputShape, metadata.input_shape),
            mean=metadata.mean,
            std=metadata.std,
            weights=weights,
            training=metadata.training,
            learned=Learned(metadata.qat, ranges) if metadata.qat else None,
            resize=metadata.resize,
            factory=metadata.factory,
            folder=folder,
        )
    except ValueError as error:
        raise CheckpointError(f"{folder / METADATA_FILE}: {error}.") from error


def _read_metadata(path: Path) -> _Metadata:
    try:
        content = json_file.read(path)
    except FileNotFoundError:
        raise CheckpointError(
            f"{path.parent} is no checkpoint: it has no {METADATA_FILE}.",
            "Give the folder that `cifarq train --out` wrote.",
        ) from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read {path}: {reason(error)}.") from error
    if not isinstance(content, dict) or not json_file.has_schema(content, *_READ):
        schema = content.get("schema") if isinstance(content, dict) else None
        raise CheckpointError(
            f"{path} has schema {schema!r:.40}; this version of cifarq reads "
            f"{' and '.join(map(str, _READ))}."
        )
    try:
        metadata = strict.build(_Metadata, content)
    except ValueError as error:
        raise CheckpointError(
            f"{path} is not a checkpoint's metadata: {error}.", "Copy the folder again."
        ) from error
    known = [metadata.factory.name] if metadata.factory else models.names()
    if metadata.architecture not in known:  # files are called by it
        raise CheckpointError(
            f"{path}: no model {metadata.architecture!r:.60} in this version of cifarq."
        )
    return metadata
