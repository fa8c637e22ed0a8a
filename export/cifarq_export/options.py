"""The options that say what is exported and with which images, shared by the subcommands."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edge_runtime.errors import UsageError
from edge_runtime.probes import target

if TYPE_CHECKING:
    from cifarq_export.sources import Source
    from cifarq_export.sources.images import ExportImages, Gatherer

PATH = click.Path(path_type=Path)
METHODS = ("minmax", "entropy", "percentile")
BOARDS = {"pi3": target.ARM64, "pi4": target.ARM64, "pi5": target.ARM64}
_DEFAULT_MODEL = "seed-cnn"
_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Command = TypeVar("Command", bound=Callable[..., Any])


class Numbers(click.ParamType[Any]):
    """Numbers separated by commas."""

    def __init__(self, kind: type, count: int | None, metavar: str) -> None:
        self.kind, self.count, self.name = kind, count, metavar

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return a tuple of numbers."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(self.kind(part) for part in value.split(","))
        except ValueError:
            numbers = ()
        if not numbers or self.count not in (None, len(numbers)):
            self.fail(f"{value!r} is not {self.name}", param, ctx)
        return numbers


SOURCE_OPTIONS = (
    click.argument("checkpoint", required=False, type=PATH),
    click.option(
        "--model",
        "factory",
        metavar="PACKAGE.MODULE:FUNCTION",
        help="A function that builds any PyTorch classifier; its module is imported, and runs.",
    ),
    click.option(
        "--model-arg",
        "model_args",
        multiple=True,
        metavar="NAME=VALUE",
        help="For that function; may repeat.",
    ),
    click.option(
        "--weights", type=PATH, help="Its weights: a .safetensors file of its state_dict."
    ),
    click.option("--from", "onnx_file", type=PATH, help="An FP32 ONNX classifier instead."),
    click.option(
        "--input-shape",
        type=Numbers(int, 3, "3,H,W"),
        help="What --model takes, or --from where the file leaves it open.",
    ),
    click.option(
        "--data-dir",
        type=PATH,
        help="The data the model was trained for; its images calibrate and check the artifacts and "
        "travel with them. Without it: CIFAR-10 images that ship with cifarq.",
    ),
    click.option(
        "--mean",
        type=Numbers(float, 3, "R,G,B"),
        help="For --model and --from, on the 0-1 scale.  [default: CIFAR-10's for CIFAR-10, else "
        "ImageNet's]",
    ),
    click.option("--std", type=Numbers(float, 3, "R,G,B"), help="Likewise."),
    click.option(
        "--resize",
        type=click.IntRange(1),
        metavar="N",
        help="Scale the shorter side of each image to N pixels, then crop the centre.",
    ),
    click.option(
        "--classes",
        metavar="NAMES|FILE",
        help="Class names in the order of the outputs, separated by commas, or a file with one a "
        "line.  [default: the data's, sorted]",
    ),
)

MAKING_OPTIONS = (
    click.option(
        "--target",
        "target_name",
        default="auto",
        show_default=True,
        type=click.Choice(["auto", *target.NAMES, *BOARDS]),
        help="The CPU that static INT8 is made for; auto: this one.",
    ),
    click.option(
        "--input",
        "input_",
        default="float32",
        show_default=True,
        type=click.Choice(["float32", "uint8"]),
        help="uint8: the artifact takes raw pixels and normalises them itself.",
    ),
    click.option(
        "--calibration",
        default="minmax",
        show_default=True,
        type=click.Choice(METHODS),
        help="How static INT8 finds the ranges of activations.",
    ),
    click.option(
        "--calibration-images",
        default=512,
        show_default=True,
        type=click.IntRange(1),
        help="Drawn from the train part, with a fixed seed.",
    ),
    click.option(
        "--validation-images",
        default=1_000,
        show_default=True,
        type=click.IntRange(2),
        help="Drawn from the validation part, to check artifacts on.",
    ),
)


def apply(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Return a decorator that gives a command these options, in this order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@dataclass(frozen=True)
class Asked:
    """What the command line says of the model and its images; see ``SOURCE_OPTIONS``."""

    checkpoint: Path | None
    factory: str | None
    model_args: tuple[str, ...]
    weights: Path | None
    onnx_file: Path | None
    input_shape: tuple[int, int, int] | None
    data_dir: Path | None
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    resize: int | None
    classes: str | None

    def __post_init__(self) -> None:
        given = {
            "CHECKPOINT": self.checkpoint,
            "--model": self.factory,
            "--from": self.onnx_file,
        }
        named = [name for name, value in given.items() if value is not None]
        if len(named) > 1:
            raise UsageError(f"{' and '.join(named)} each name a model; give one of them.")
        if self.factory is None and (self.weights or self.model_args):
            raise UsageError("--weights and --model-arg are for --model.")
        if self.factory is not None and self.input_shape is None:
            raise UsageError("--model needs --input-shape, as in --input-shape 3,224,224.")
        if (self.mean is None) != (self.std is None):
            raise UsageError("--mean and --std belong together; give both.")
        if self.std is not None and min(self.std) <= 0:
            raise UsageError(f"--std {','.join(map(str, self.std))}: each has to be above 0.")
        own = self.factory is None and self.onnx_file is None
        if own and (self.mean or self.classes or self.input_shape):
            raise UsageError(
                "--mean, --std, --classes and --input-shape are for --model and --from; a "
                "checkpoint says its own."
            )

    def open(self) -> "tuple[Source, Gatherer]":
        """Open the model, and the data its images come from.

        Raises:
            ToolkitError: either cannot be used.
        """
        import torch  # noqa: F401  named first, so that a missing PyTorch is what the message names

        from cifarq_export.sources.images import Gatherer

        gatherer = Gatherer(self.data_dir, self.resize)
        if self.factory is None and self.onnx_file is None:
            from cifarq import models
            from cifarq_export.sources import checkpoint

            folder = self.checkpoint or models.pretrained(_DEFAULT_MODEL)
            assert folder is not None
            return checkpoint.source(folder), gatherer
        return self._foreign(gatherer), gatherer

    def _foreign(self, gatherer: "Gatherer") -> "Source":
        from cifarq.data import cifar10
        from cifarq_export.sources import factory, onnx_file
        from edge_runtime.bundle.preprocess import Preprocessing

        classes = self._class_names() or gatherer.parts.classes
        ours = gatherer.parts.name == cifar10.NAME and gatherer.parts.classes == cifar10.CLASSES
        whose, mean, std = (
            ("CIFAR-10", cifar10.MEAN, cifar10.STD) if ours else ("ImageNet", *_IMAGENET)
        )
        if self.mean is None:
            click.echo(
                f"Note: normalising with {whose}'s mean and deviation; give --mean and --std if "
                "the model was trained with others.",
                err=True,
            )
        how = Preprocessing(self.mean or mean, self.std or std)
        if self.onnx_file is not None:
            return onnx_file.source(self.onnx_file, classes, how, self.input_shape)
        assert self.factory is not None and self.input_shape is not None
        return factory.source(
            self.factory,
            self._arguments(),
            self.weights,
            input_shape=self.input_shape,
            classes=classes,
            how=how,
        )

    def _arguments(self) -> dict[str, Any]:
        import ast

        found = {}
        for text in self.model_args:
            name, equals, value = text.partition("=")
            if not equals or not name.isidentifier():
                raise UsageError(f"--model-arg {text!r} is not NAME=VALUE.")
            try:
                found[name] = ast.literal_eval(value)
            except (ValueError, SyntaxError):
                found[name] = value  # a word stands for itself
        return found

    def _class_names(self) -> tuple[str, ...]:
        if self.classes is None:
            return ()
        try:
            is_file = Path(self.classes).is_file()
        except OSError:  # a list of names may be too long for a file's
            is_file = False
        if is_file:
            try:
                text = Path(self.classes).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError(f"--classes {self.classes} cannot be read: {error}.") from error
            names = [line.strip() for line in text.splitlines() if line.strip()]
        else:
            names = [name.strip() for name in self.classes.split(",")]
        if len(names) < 2 or len(set(names)) < len(names) or not all(names):
            raise UsageError(
                f"--classes gives {len(names)} names, {len(set(names))} of them different; a "
                "classifier has at least 2, each once."
            )
        return tuple(names)


def resolve_target(name: str) -> str:
    """Return the target that a name stands for: this CPU's for ``auto``, arm64 for a Pi.

    Raises:
        UsageError: ``auto``, on a CPU that is no target.
    """
    if name != "auto":
        return BOARDS.get(name, name)
    here = target.of_this_cpu()
    if here is None:
        raise UsageError(
            f"--target auto: this CPU is none of {', '.join(target.NAMES)}. Name the target."
        )
    return here


def draw(
    gatherer: "Gatherer", source: "Source", calibration_images: int, validation_images: int
) -> "ExportImages":
    """Draw the images of an export."""
    return gatherer.gather(
        source.classes,
        source.input_shape,
        calibration_images=calibration_images,
        validation_images=validation_images,
    )
