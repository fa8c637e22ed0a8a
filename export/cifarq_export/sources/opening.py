"""What the command line names becomes a ``Source``, with the data its images come from.

Nothing heavy is imported before the options are known to make sense together.
"""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.errors import UsageError

if TYPE_CHECKING:
    from cifarq_export.sources import Source
    from cifarq_export.sources.images import Gatherer
    from cifarq_export.sources.normalisation import Normalisation

_DEFAULT_MODEL = "seed-cnn"
_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Opened:
    """A model that can be exported.

    Attributes:
        source: the model.
        gatherer: where its images come from.
        note: what was assumed about the model; empty if nothing was.
    """

    source: "Source"
    gatherer: "Gatherer"
    note: str = ""


@dataclass(frozen=True)
class SourceRequest:
    """The values of ``options.SOURCE_OPTIONS``.

    Raises:
        UsageError: two of them contradict each other, or one that is needed is missing.
    """

    checkpoint: Path | None = None
    factory: str | None = None
    model_args: tuple[str, ...] = ()
    weights: Path | None = None
    onnx_file: Path | None = None
    input_shape: tuple[int, int, int] | None = None
    data_dir: Path | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    color: str | None = None
    resize: int | None = None
    classes: str | None = None

    def __post_init__(self) -> None:
        given = {
            "CHECKPOINT": self.checkpoint,
            "--model": self.factory,
            "--from": self.onnx_file,
        }
        named = [name for name, value in given.items() if value is not None]
        if len(named) > 1:
            raise UsageError(f"{' and '.join(named)} each name a model.", "Give one of them.")
        if self.factory is None and (self.weights or self.model_args):
            raise UsageError("--weights and --model-arg are for --model.")
        if self.factory is not None and self.input_shape is None:
            raise UsageError("--model needs --input-shape.", "Example: --input-shape 3,224,224.")
        if self._is_checkpoint and (self.mean or self.color or self.classes or self.input_shape):
            raise UsageError(
                "--mean, --std, --color, --classes and --input-shape are for --model and --from; "
                "a checkpoint says its own."
            )
        self._check_input()

    def _check_input(self) -> None:
        """Refuse numbers that no input has."""
        if (self.mean is None) != (self.std is None):
            missing, neutral = ("--mean", 0) if self.mean is None else ("--std", 1)
            raise UsageError(
                f"--mean and --std belong together; {missing} is missing.",
                f"Give both; {missing} {neutral} changes nothing.",
            )
        if self.std is not None and min(self.std) <= 0:
            raise UsageError(f"--std {','.join(map(str, self.std))}: each has to be above 0.")
        if self.input_shape and (self.input_shape[0] not in (1, 3) or min(self.input_shape) < 1):
            raise UsageError(
                f"--input-shape {','.join(map(str, self.input_shape))} is no C,H,W with 1 or 3 "
                "channels.",
                "Example: --input-shape 3,224,224.",
            )

    @property
    def _is_checkpoint(self) -> bool:
        return self.factory is None and self.onnx_file is None

    def open(self) -> Opened:
        """Open the model, and the data its images come from.

        Raises:
            ToolkitError: either cannot be used.
        """
        import torch  # noqa: F401  named first, so that a missing PyTorch is what the message names

        from cifarq_export.sources.images import Gatherer

        gatherer = Gatherer(self.data_dir, self.resize)
        if not self._is_checkpoint:
            normalisation = self._normalisation(gatherer)
            source = self._open_foreign(gatherer, normalisation)
            return Opened(source, gatherer, normalisation.note(source.how))
        from cifarq import models
        from cifarq_export.sources import checkpoint

        folder = self.checkpoint or models.pretrained(_DEFAULT_MODEL)
        assert folder is not None
        return Opened(checkpoint.source(folder), gatherer)

    def _normalisation(self, gatherer: "Gatherer") -> "Normalisation":
        from cifarq.data import cifar10
        from cifarq_export.sources.normalisation import Normalisation
        from edge_runtime.bundle.preprocess import Channels

        ours = gatherer.parts.name == cifar10.NAME and gatherer.parts.classes == cifar10.CLASSES
        default = ("CIFAR-10", cifar10.MEAN, cifar10.STD) if ours else ("ImageNet", *_IMAGENET)
        color = Channels(self.color) if self.color else None
        return Normalisation(default, self.mean, self.std, color)

    def _open_foreign(self, gatherer: "Gatherer", normalisation: "Normalisation") -> "Source":
        from cifarq_export.sources import factory, onnx_file

        classes = class_names(self.classes) if self.classes else gatherer.parts.classes
        if self.onnx_file is not None:
            return onnx_file.source(self.onnx_file, classes, normalisation, self.input_shape)
        assert self.factory is not None and self.input_shape is not None
        return factory.source(
            self.factory,
            arguments(self.model_args),
            self.weights,
            input_shape=self.input_shape,
            classes=classes,
            how=normalisation.preprocessing(self.input_shape[0]),
        )


def arguments(texts: tuple[str, ...]) -> dict[str, Any]:
    """Return the keyword arguments that ``NAME=VALUE`` texts give; a plain word is a string.

    Raises:
        UsageError: a text is none.
    """
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"--model-arg {text!r} is not NAME=VALUE.")
        try:
            values[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            values[name] = value
    return values


def class_names(text: str) -> tuple[str, ...]:
    """Return class names from a file with one a line, or a list separated by commas.

    Raises:
        UsageError: the file cannot be read, or they are not at least two different names.
    """
    try:
        is_file = Path(text).is_file()
    except OSError:  # a list of names may be too long for a file's
        is_file = False
    if is_file:
        try:
            content = Path(text).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--classes {text} cannot be read: {error}.") from error
        names = [line.strip() for line in content.splitlines() if line.strip()]
    else:
        names = [name.strip() for name in text.split(",")]
    if len(names) < 2 or len(set(names)) < len(names) or not all(names):
        raise UsageError(
            f"--classes gives {len(names)} names, {len(set(names))} of them different; a "
            "classifier has at least 2, each once."
        )
    return tuple(names)
