"""The options that say what is exported, how, and with which images; several subcommands' own."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import click

from edge_runtime.probes import target

PATH = click.Path(path_type=Path)
METHODS = ("minmax", "entropy", "percentile", "mse")
BOARDS = {"pi3": target.ARM64, "pi4": target.ARM64, "pi5": target.ARM64}

_T = TypeVar("_T")
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


class Target(click.Choice):  # type: ignore[type-arg]
    """A CPU class, a board that has it, or ``auto`` for that of this CPU."""

    def __init__(self) -> None:
        super().__init__(["auto", *target.NAMES, *BOARDS])

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the name of a CPU class."""
        name = super().convert(value, param, ctx)
        if name != "auto":
            return BOARDS.get(name, name)
        here = target.of_this_cpu()
        if here is None:
            self.fail(f"this CPU is none of {', '.join(target.NAMES)}; name one", param, ctx)
        return here


SOURCE_OPTIONS = (
    click.argument("checkpoint", required=False, type=PATH),
    click.option(
        "--model",
        "factory",
        metavar="PACKAGE.MODULE:FUNCTION",
        help="Function that builds a PyTorch classifier. Its module is imported: its code runs.",
    ),
    click.option(
        "--model-arg",
        "model_args",
        multiple=True,
        metavar="NAME=VALUE",
        help="Keyword argument of the --model function. Can be repeated.",
    ),
    click.option(
        "--weights",
        type=PATH,
        help="Weights for --model: a .safetensors file with the model's state_dict.",
    ),
    click.option("--from", "onnx_file", type=PATH, help="FP32 ONNX classifier to export."),
    click.option(
        "--input-shape",
        type=Numbers(int, 3, "3,H,W"),
        help="Shape of one input image. Required with --model; with --from only if the file "
        "does not fix it.",
    ),
    click.option(
        "--data-dir",
        type=PATH,
        help="Data set that the model was trained on. Its images calibrate and check the "
        "artifacts, and some are put into the bundle.  [default: the CIFAR-10 images that ship "
        "with cifarq]",
    ),
    click.option(
        "--mean",
        type=Numbers(float, 3, "R,G,B"),
        help="Channel means of the normalisation, on the 0-1 scale, for --model and --from.  "
        "[default: CIFAR-10's for CIFAR-10, else ImageNet's]",
    ),
    click.option(
        "--std",
        type=Numbers(float, 3, "R,G,B"),
        help="Channel standard deviations of the normalisation, like --mean.",
    ),
    click.option(
        "--resize",
        type=click.IntRange(1),
        metavar="N",
        help="Scale the shorter side of each image to N pixels, then crop the centre.",
    ),
    click.option(
        "--classes",
        metavar="NAMES|FILE",
        help="Class names in the order of the outputs, for --model and --from: separated by "
        "commas, or a file with one name per line.  [default: those of the data set, sorted]",
    ),
)

MAKING_OPTIONS = (
    click.option(
        "--target",
        default="auto",
        show_default=True,
        type=Target(),
        help="CPU class, or board, that static INT8 is made for. auto: this CPU's class.",
    ),
    click.option(
        "--input",
        "input_dtype",
        default="float32",
        show_default=True,
        type=click.Choice(["float32", "uint8"]),
        help="Element type of the input. With uint8 the artifact takes raw pixels and normalises "
        "them itself.",
    ),
    click.option(
        "--calibration",
        type=click.Choice(METHODS),
        help="Method that finds the activation ranges of static INT8.  [default: minmax; if that "
        "changes the class of more than 3 % of the calibration images, the best of all methods, "
        "with biases corrected if that helps]",
    ),
    click.option(
        "--calibration-images",
        default=512,
        show_default=True,
        type=click.IntRange(1),
        help="Number of images for calibration, drawn from the train part with a fixed seed.",
    ),
    click.option(
        "--validation-images",
        default=1_000,
        show_default=True,
        type=click.IntRange(2),
        help="Number of images that artifacts are checked on, drawn from the validation part.",
    ),
)


@dataclass(frozen=True)
class Making:
    """The values of ``MAKING_OPTIONS``."""

    target: str
    input_dtype: str
    calibration: str | None
    calibration_images: int
    validation_images: int


def apply(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Return a decorator that gives a command these options, in this order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def take(kind: type[_T], values: dict[str, Any]) -> _T:
    """Return a dataclass of the options that are its fields, and remove them from ``values``."""
    return kind(**{field.name: values.pop(field.name) for field in fields(kind)})  # type: ignore[arg-type]
