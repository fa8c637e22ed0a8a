"""What the command line says of a model, checked before anything heavy is imported."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from cifarq.factory import parse
from cifarq_export.sources import timm_model
from edge_runtime.bundle.preprocess import Deviation, Mean
from edge_runtime.bundle.resizing import ResizeFilter, ResizeMode, Resizing
from edge_runtime.errors import UsageError, reason
from edge_runtime.files import read_regular

_MOST_BYTES = 2**24
"""Of a file of class names."""

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


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
    color: str | None = None
    resize: int | None = None
    resize_mode: str | None = None
    resize_filter: str | None = None
    classes: str | None = None
    output: str | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        self._check_model()
        if self.is_checkpoint:
            self._check_that_a_checkpoint_says_the_rest()
        self._check_normalisation()
        self._check_shapes()
        if self.name is not None and not _FILE_NAME.fullmatch(self.name):
            raise UsageError(
                f"--name {self.name!r} cannot name files.",
                "Use letters, digits, '.', '_' and '-', with a letter or digit first.",
            )

    @property
    def is_checkpoint(self) -> bool:
        """Whether it is a checkpoint that we wrote: the one named, or the one that ships."""
        return self.checkpoint is not None or not (self.is_module or self.onnx_file)

    @property
    def is_module(self) -> bool:
        """Whether it is a PyTorch module that a function builds."""
        return self.factory is not None or self.timm_name is not None

    @property
    def resizing(self) -> Resizing | None:
        """How images are brought to the model's size; None leaves them as they are."""
        if self.resize is None:
            return None
        return Resizing(
            self.resize,
            ResizeMode(self.resize_mode or ResizeMode.CROP),
            ResizeFilter(self.resize_filter or ResizeFilter.BILINEAR),
        )

    @property
    def architecture(self) -> str | None:
        """What a model is called that timm builds: the name of its function says nothing."""
        name = self.timm_name
        if self.factory == timm_model.FACTORY:
            name = parse(self.model_args).get("model_name")
        return re.sub(r"[^A-Za-z0-9.]+", "-", str(name)).strip("-.") if name else None

    def _check_model(self) -> None:
        given = {
            "CHECKPOINT": self.checkpoint,
            "--model": None if self.checkpoint else self.factory,  # it builds the checkpoint's
            "--timm": self.timm_name,
            "--from": self.onnx_file,
        }
        named = [name for name, value in given.items() if value is not None]
        if len(named) > 1:
            raise UsageError(f"{' and '.join(named)} each name a model.", "Give one of them.")
        if not self.is_module and (self.weights or self.model_args or self.keep_branches):
            raise UsageError(
                "--weights, --model-arg and --keep-branches are for --model and --timm."
            )
        if self.checkpoint and self.weights:
            raise UsageError("--weights are the checkpoint's own.", "Leave the option out.")
        if self.factory is not None and not self.checkpoint and self.input_shape is None:
            raise UsageError("--model needs --input-shape.", "Example: --input-shape 3,224,224.")

    def _check_that_a_checkpoint_says_the_rest(self) -> None:
        if self.output is not None:
            raise UsageError(
                f"--output {self.output} is for --model, --timm and --from.",
                "--out names the folder to write.",
            )
        if self.mean or self.std or self.color or self.classes or self.input_shape:
            raise UsageError(
                "--mean, --std, --color, --classes and --input-shape are for --model, --timm and "
                "--from; a checkpoint says its own."
            )

    def _check_normalisation(self) -> None:
        if (self.mean is None) != (self.std is None):
            missing, neutral = ("--mean", 0) if self.mean is None else ("--std", 1)
            raise UsageError(
                f"--mean and --std belong together; {missing} is missing.",
                f"Give both; {missing} {neutral} changes nothing.",
            )
        for option, numbers, kind in (("--mean", self.mean, Mean), ("--std", self.std, Deviation)):
            bounds = get_args(kind)[1]
            if not all(bounds.least <= number <= bounds.most for number in numbers or ()):
                said = ",".join(map(str, numbers or ()))
                raise UsageError(f"{option} {said}: each has to be {bounds}.")

    def _check_shapes(self) -> None:
        if self.input_shape and (self.input_shape[0] not in (1, 3) or min(self.input_shape) < 1):
            raise UsageError(
                f"--input-shape {','.join(map(str, self.input_shape))} is no C,H,W with 1 or 3 "
                "channels.",
                "Example: --input-shape 3,224,224.",
            )
        needs_resize = self.resize_mode or self.resize_filter
        if needs_resize and self.resize is None and self.timm_name is None:
            raise UsageError("--resize-mode and --resize-filter need --resize.")


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
            content = read_regular(Path(text), _MOST_BYTES).decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--classes {text} cannot be read: {reason(error)}.") from error
        names = [line.strip() for line in content.splitlines() if line.strip()]
    else:
        names = [name.strip() for name in text.split(",")]
    if len(names) < 2 or len(set(names)) < len(names) or not all(names):
        raise UsageError(
            f"--classes gives {len(names)} names, {len(set(names))} of them different; a "
            "classifier has at least 2, each once."
        )
    return tuple(names)
