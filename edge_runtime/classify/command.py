"""``edge-bench classify``: what a bundle's model sees in images, without a line of code."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_runtime.bundle import installing
from edge_runtime.bundle.location import default_bundle
from edge_runtime.classify.tally import Tally
from edge_runtime.command import streams
from edge_runtime.errors import DataError, ToolkitError, UsageError
from edge_runtime.printable import one_line
from edge_runtime.results.settings import MOST_THREADS

if TYPE_CHECKING:  # --help and what is missing are said without numpy
    from edge_runtime.classify.classifier import Classifier, Prediction
    from edge_runtime.classify.inputs import Source

_HELP = """\
Classify each IMAGE with the bundle's model: a file, a folder, or - for raw frames.

Photographs (JPEG, PNG, WebP, ...) and images of another size than the model's need Pillow. Arrays
are .npy, and .npz with an array named images. With -, frames of --frames WIDTHxHEIGHT are read from
standard input, 3 bytes a pixel, and a line is printed for each as it comes. Images of any size are
scaled and cropped as the model's training images were.

Without --artifact, --precision or --format the best artifact for this CPU runs: INT8 with static
ranges made for it, else dynamic INT8, else FP32. Times go to standard error; they are no benchmark.

\b
Examples:
  edge-bench classify cat.jpg
  edge-bench classify photos/ --top 1 --json > answers.jsonl
  edge-bench classify golden.npz --layout chw --bundle seed-cnn-bundle
  ffmpeg -i /dev/video0 -s 640x480 -f rawvideo -pix_fmt rgb24 - |
      edge-bench classify - --frames 640x480
  rpicam-vid -t 0 --width 640 --height 480 --codec yuv420 -o - |
      ffmpeg -f rawvideo -pix_fmt yuv420p -s 640x480 -i - -f rawvideo -pix_fmt rgb24 - |
      edge-bench classify - --frames 640x480
"""
_EXIT = (
    "Exit: 0 every image was classified; 1 an image could not be read, or the engine failed; 2 the "
    "command line is wrong; 130 Ctrl-C."
)
_MOST_PIXELS = 100_000_000


class _Size(click.ParamType):  # type: ignore[type-arg]  # generic in new releases only
    """``WIDTHxHEIGHT`` in pixels."""

    name = "WIDTHxHEIGHT"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        """Return width and height."""
        sides = str(value).lower().split("x")
        if len(sides) != 2 or not all(side.isdecimal() and side.isascii() for side in sides):
            self.fail(
                f"{value!r} is not a size: give WIDTHxHEIGHT, 640x480 for example.", param, ctx
            )
        width, height = (int(side[:10]) for side in sides)
        if not 0 < width * height <= _MOST_PIXELS:
            self.fail(
                f"{value!r} is {width * height} pixels; give 1 to {_MOST_PIXELS}.", param, ctx
            )
        return width, height


@click.command(help=_HELP, short_help="Classify images or frames.", epilog=_EXIT)
@click.argument(
    "paths",
    metavar="IMAGE...",
    nargs=-1,
    required=True,
    # Whether it can be read is seen when it is: one that cannot be does not stop the others.
    type=click.Path(readable=False),
)
@click.option(
    "--bundle",
    type=click.Path(path_type=Path),
    help="The bundle. Default: the folder of edge-bench.pyz if it is one, else the current one.",
)
@click.option("--artifact", metavar="FILE", help="Run this artifact of the bundle.")
@click.option("--precision", metavar="NAME", help="fp32, int8-dynamic, int8-static, ...")
@click.option("--format", metavar="NAME", help="As the bundle names it: onnx, torchscript, ...")
@click.option(
    "--results",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Run what is fastest in this file, which edge-bench --json measured on this device.",
)
@click.option(
    "--threads",
    default=1,
    show_default=True,
    type=click.IntRange(1, MOST_THREADS),
    help="Threads of the engine.",
)
@click.option(
    "--top",
    default=3,
    show_default=True,
    type=click.IntRange(1),
    help="Classes to print.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines, with times in ns.")
@click.option("--frames", type=_Size(), help="Size of the frames that - reads.")
@click.option(
    "--color",
    default="rgb",
    show_default=True,
    type=click.Choice(["rgb", "bgr"], case_sensitive=False),
    help="Order of the channels in frames and arrays; OpenCV's is bgr.",
)
@click.option(
    "--layout",
    default="hwc",
    show_default=True,
    type=click.Choice(["hwc", "chw"], case_sensitive=False),
    help="Order of the axes in .npy and .npz: channels last, or first.",
)
def classify(paths: tuple[str, ...], bundle: Path | None, **options: Any) -> None:
    """Check what needs no model, then classify."""
    if "-" in paths:
        _check_stream(paths, options["frames"], options["layout"])
    elif options["frames"]:
        raise UsageError(
            "--frames is the size of raw frames on standard input.", "Give - as IMAGE."
        )
    bundle = bundle or default_bundle()
    installing.require_numpy(bundle)
    tally = Tally()
    interrupted = False
    try:
        code = _classify(paths, bundle, options, tally)
    except KeyboardInterrupt:
        code, interrupted = 130, True
    except BrokenPipeError:  # whoever reads has enough: `| head`
        code = 0
        streams.discard(sys.stdout)
    except ToolkitError as error:
        streams.tell(f"Error: {error}")
        code = error.exit_code
    if summary := tally.line(interrupted=interrupted):
        streams.tell(summary)
    raise SystemExit(code)


def _check_stream(paths: tuple[str, ...], frames: tuple[int, int] | None, layout: str) -> None:
    if len(paths) > 1:
        raise UsageError("- is the only IMAGE where it is given.", "A file of that name is ./-")
    if not frames:
        raise UsageError("- reads raw frames of a known size.", "Give it: --frames 640x480.")
    if layout == "chw":
        raise UsageError("--layout chw is for arrays in files; the pixels of raw frames are hwc.")
    if sys.stdin is None or sys.stdin.isatty():
        what = "closed" if sys.stdin is None else "a terminal"
        raise UsageError(f"- reads raw frames from a pipe; standard input is {what}.")


def _classify(paths: tuple[str, ...], bundle: Path, options: dict[str, Any], tally: Tally) -> int:
    """Classify all images, and return the exit code."""
    from edge_runtime.classify import inputs
    from edge_runtime.classify.classifier import Classifier

    names = ("artifact", "precision", "format", "results", "threads")
    chosen = {name: options[name] for name in names}
    model = Classifier(bundle, **chosen)
    tally.start(f"{model.artifact.file} on {model.engine} {model.engine_version}")
    if gates := model.artifact.overridden:
        streams.tell(
            f"Error: {model.artifact.file} was exported although it failed: {', '.join(gates)}"
        )
    color, code = options["color"], 0
    if options["frames"]:
        width, height = options["frames"]
        sources = inputs.read_frames(sys.stdin.buffer, width, height, color)
    else:
        sources = inputs.read_files(map(Path, paths), color, options["layout"])
    for source in sources:
        try:
            if isinstance(source, DataError):
                raise source
            answer = _predict(model, source, options["top"])
        except DataError as error:  # the next one may be whole
            streams.tell(f"Error: {error}")
            code = 1
            continue
        tally.add(answer.preprocess_ns, answer.model_ns)
        streams.show(_line(source, answer, options["as_json"]))
    return code


def _predict(model: "Classifier", source: "Source", top: int) -> "Prediction":
    """Classify one image; errors name it, and the options of the command line.

    Raises:
        DataError: it is nothing that the model takes.
        EngineError: the engine fails on it.
    """
    from edge_runtime.classify.pixels import Layout, LayoutError

    how = "last, leave out" if source.layout.upper() == Layout.CHW else "first, give"
    try:
        (answer,) = model.predict(source.image, top=top, color=source.color, layout=source.layout)
    except LayoutError as error:
        raise DataError(
            f"{source.name}: {error.what}", f"If its channels are {how} --layout chw."
        ) from error
    except DataError as error:
        raise DataError(f"{source.name}: {error.what}", error.remedy) from error
    return answer


def _line(source: "Source", answer: "Prediction", as_json: bool) -> str:
    if as_json:
        top = [{"label": label, "probability": p} for label, p in answer.top]
        times = {"preprocess_ns": answer.preprocess_ns, "model_ns": answer.model_ns}
        return json.dumps({**source.keys, "top": top, **times})
    named = (f"{one_line(label)} {100 * p:.1f} %" for label, p in answer.top)
    return f"{one_line(source.name)}: {', '.join(named)}"
