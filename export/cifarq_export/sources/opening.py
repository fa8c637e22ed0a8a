"""What the command line names becomes a ``Source``, with the data its images come from.

Nothing heavy is imported before the options are known to make sense together.
"""

import ast
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cifarq_export.sources import timm_model
from edge_runtime.bundle.resizing import ResizeFilter, ResizeMode, Resizing
from edge_runtime.errors import UsageError

if TYPE_CHECKING:
    from cifarq_export.sources import Source
    from cifarq_export.sources.images import Gatherer
    from edge_runtime.bundle.preprocess import Preprocessing

_DEFAULT_MODEL = "seed-cnn"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
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
    timm_name: str | None = None
    keep_branches: bool = False
    onnx_file: Path | None = None
    input_shape: tuple[int, int, int] | None = None
    data_dir: Path | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    resize: int | None = None
    resize_mode: str | None = None
    resize_filter: str | None = None
    classes: str | None = None
    output: str | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        given = {
            "CHECKPOINT": self.checkpoint,
            "--model": self.factory,
            "--timm": self.timm_name,
            "--from": self.onnx_file,
        }
        named = [name for name, value in given.items() if value is not None]
        if len(named) > 1:
            raise UsageError(f"{' and '.join(named)} each name a model.", "Give one of them.")
        if not self._is_module and (self.weights or self.model_args or self.keep_branches):
            raise UsageError(
                "--weights, --model-arg and --keep-branches are for --model and --timm."
            )
        if self.factory is not None and self.input_shape is None:
            raise UsageError("--model needs --input-shape.", "Example: --input-shape 3,224,224.")
        if (self.mean is None) != (self.std is None):
            raise UsageError("--mean and --std belong together.", "Give both.")
        if self.std is not None and min(self.std) <= 0:
            raise UsageError(f"--std {','.join(map(str, self.std))}: each has to be above 0.")
        self._check_resizing_and_name()
        if self._is_checkpoint and self.output is not None:
            raise UsageError(
                f"--output {self.output} is for --model and --from.",
                "--out names the folder to write.",
            )
        if self._is_checkpoint and (self.mean or self.classes or self.input_shape):
            raise UsageError(
                "--mean, --std, --classes and --input-shape are for --model, --timm and --from; a "
                "checkpoint says its own."
            )

    def _check_resizing_and_name(self) -> None:
        needs_resize = self.resize_mode or self.resize_filter
        if needs_resize and self.resize is None and self.timm_name is None:
            raise UsageError("--resize-mode and --resize-filter need --resize.")
        if self.name is not None and not _NAME.fullmatch(self.name):
            raise UsageError(
                f"--name {self.name!r} cannot name files.",
                "Use letters, digits, '.', '_' and '-', with a letter or digit first.",
            )

    @property
    def _is_checkpoint(self) -> bool:
        return not self._is_module and self.onnx_file is None

    @property
    def _is_module(self) -> bool:
        return self.factory is not None or self.timm_name is not None

    def open(self) -> Opened:
        """Open the model, and the data its images come from.

        Raises:
            ToolkitError: either cannot be used.
        """
        request, note = self._complete()
        opened = request._open()
        source, kept = opened.source, ""
        if self._is_module and not self.keep_branches:
            from cifarq_export.sources import deployed_form

            source, kept = deployed_form.deploy(source)
        source = replace(source, name=self.name or self._architecture or source.name)
        notes = filter(None, (note, opened.note, kept))
        return Opened(source, opened.gatherer, " ".join(notes))

    def _complete(self) -> "tuple[SourceRequest, str]":
        """Return the request with what timm knows of its model, and what was taken from there."""
        if self.timm_name is None:
            return self, ""
        known = timm_model.defaults(self.timm_name, self.input_shape, self.resize)
        taken = {name: value for name, value in known.items() if getattr(self, name) is None}
        return replace(self, **taken), timm_model.describe(self.timm_name, taken)

    @property
    def _architecture(self) -> str | None:
        """What a model is called that timm builds: the name of its function says nothing."""
        name = self.timm_name
        if self.factory == timm_model.FACTORY:
            name = arguments(self.model_args).get("model_name")
        return re.sub(r"[^A-Za-z0-9.]+", "-", str(name)).strip("-.") if name else None

    def _open(self) -> Opened:
        from cifarq_export.sources.images import Gatherer

        gatherer = Gatherer(self.data_dir, self._resizing)
        if not self._is_checkpoint:
            how, note = self._preprocessing(gatherer)
            return Opened(self._open_foreign(gatherer, how), gatherer, note)
        from cifarq import models
        from cifarq_export.sources import checkpoint

        folder = self.checkpoint or models.pretrained(_DEFAULT_MODEL)
        assert folder is not None
        return Opened(checkpoint.source(folder), gatherer)

    @property
    def _resizing(self) -> Resizing | None:
        if self.resize is None:
            return None
        return Resizing(
            self.resize,
            ResizeMode(self.resize_mode or ResizeMode.CROP),
            ResizeFilter(self.resize_filter or ResizeFilter.BILINEAR),
        )

    def _preprocessing(self, gatherer: "Gatherer") -> "tuple[Preprocessing, str]":
        """Return how images are normalised, and what was assumed about it."""
        from cifarq.data import cifar10
        from edge_runtime.bundle.preprocess import Preprocessing

        if self.mean is not None and self.std is not None:
            return Preprocessing(self.mean, self.std), ""
        ours = gatherer.parts.name == cifar10.NAME and gatherer.parts.classes == cifar10.CLASSES
        whose, mean, std = (
            ("CIFAR-10", cifar10.MEAN, cifar10.STD) if ours else ("ImageNet", *_IMAGENET)
        )
        return Preprocessing(mean, std), (
            f"normalising with the mean and standard deviation of {whose}. Give --mean and --std "
            "if the model was trained with others."
        )

    def _open_foreign(self, gatherer: "Gatherer", how: "Preprocessing") -> "Source":
        from cifarq_export.sources import factory, onnx_file

        classes = class_names(self.classes) if self.classes else gatherer.parts.classes
        if self.onnx_file is not None:
            return onnx_file.source(self.onnx_file, classes, how, self.input_shape, self.output)
        assert self.input_shape is not None
        function, given = self.factory, arguments(self.model_args)
        if self.timm_name is not None:
            function = timm_model.FACTORY
            given = timm_model.arguments(self.timm_name, given, self.input_shape, len(classes))
        assert function is not None
        return factory.source(
            function,
            given,
            self.weights,
            input_shape=self.input_shape,
            classes=classes,
            how=how,
            output=self.output,
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
