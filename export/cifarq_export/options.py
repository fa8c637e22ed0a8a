"""The options that say what is exported, how, and with which images; several subcommands' own."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import click

from cifarq.options import Target
from edge_runtime.bundle.resizing import ResizeFilter, ResizeMode

PATH = click.Path(path_type=Path)
METHODS = ("minmax", "entropy", "percentile", "mse")

_T = TypeVar("_T")
Command = TypeVar("Command", bound=Callable[..., Any])


class Numbers(click.ParamType[Any]):
    """Numbers separated by commas."""

    def __init__(self, kind: type, counts: tuple[int, ...], metavar: str) -> None:
        self.kind, self.counts, self.name = kind, counts, metavar

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return a tuple of numbers."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(self.kind(part) for part in value.split(","))
        except ValueError:
            numbers = ()
        if len(numbers) not in self.counts:
            self.fail(f"{value!r} is not {self.name}", param, ctx)
        return numbers


SOURCE_OPTIONS = (
    click.argument("checkpoint", required=False, type=PATH),
    click.option(
        "--model",
        "factory",
        metavar="PACKAGE.MODULE:FUNCTION",
        help="Function that builds a PyTorch classifier. Its module is imported: its code runs. "
        "With CHECKPOINT: the function that it was trained from.",
    ),
    click.option(
        "--model-arg",
        "model_args",
        multiple=True,
        metavar="NAME=VALUE",
        help="Keyword argument of the --model function, or of the --timm model. Can be repeated.",
    ),
    click.option(
        "--weights",
        type=PATH,
        help="Weights for --model or --timm: a .safetensors file with the model's state_dict.",
    ),
    click.option(
        "--timm",
        "timm_name",
        metavar="NAME",
        help="timm model to build, with one output per class; short for --model timm:create_model. "
        "Input shape, normalisation and resizing are those of timm's configuration, unless given. "
        "Nothing is downloaded.",
    ),
    click.option(
        "--keep-branches",
        is_flag=True,
        help="Export a --model or --timm model as it was trained. Without it, modules that offer "
        "to merge their branches for deployment (RepVGG, MobileOne) do so, if the outputs stay "
        "the same.",
    ),
    click.option("--from", "onnx_file", type=PATH, help="FP32 ONNX classifier to export."),
    click.option(
        "--input-shape",
        type=Numbers(int, (3,), "C,H,W"),
        help="Shape of one input image. Required with --model, unless there is a CHECKPOINT; with "
        "--from only if the file does not fix it.",
    ),
    click.option(
        "--output",
        metavar="NAME",
        help="Output of the model to export, for --model and --from: its name in the ONNX file, "
        "or its key or position in what the PyTorch model returns.  [default: the only one with a "
        "number for each class]",
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
        type=Numbers(float, (1, 3), "NUMBER|A,B,C"),
        help="Channel means of the normalisation, on the 0-1 scale, for --model and --from: one "
        "number for all channels, or one for each in the order of --color.  [default: CIFAR-10's "
        "for CIFAR-10, else ImageNet's]",
    ),
    click.option(
        "--std",
        type=Numbers(float, (1, 3), "NUMBER|A,B,C"),
        help="Channel standard deviations of the normalisation, like --mean.",
    ),
    click.option(
        "--color",
        type=click.Choice(["RGB", "BGR"], case_sensitive=False),
        help="Channel order that the model was trained with, for --model and --from. The bundle "
        "records it, and its runtime converts each image to it.  [default: RGB]",
    ),
    click.option(
        "--resize",
        type=click.IntRange(1),
        metavar="N",
        help="Scale each image so that its shorter side has N pixels, then crop the centre.",
    ),
    click.option(
        "--resize-mode",
        type=click.Choice([str(mode) for mode in ResizeMode]),
        help="crop: a scaled image keeps its aspect ratio. stretch: it takes that of the model's "
        "input.  [default: crop]",
    ),
    click.option(
        "--resize-filter",
        type=click.Choice([str(name) for name in ResizeFilter]),
        help="Interpolation of --resize, with antialiasing.  [default: bilinear]",
    ),
    click.option(
        "--classes",
        metavar="NAMES|FILE",
        help="Class names in the order of the outputs, for --model, --timm and --from: separated "
        "by commas, or a file with one name per line.  [default: those of the data set, sorted]",
    ),
    click.option(
        "--name",
        metavar="NAME",
        help="Name of the model, and beginning of the names of its files.  [default: that of the "
        "architecture, or of the --from file]",
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
        "changes the class of more than 3 % of the calibration images, the best of minmax, mse and "
        "percentile, with biases corrected if that helps]",
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
