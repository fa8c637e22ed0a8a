"""``edge-bench classify``: what a bundle's model sees in images, without a line of code.

The model runs in a child process (``worker.py``): an engine that dies becomes a message.
"""

import errno
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from edge_runtime.bundle import installing
from edge_runtime.bundle.location import default_bundle
from edge_runtime.errors import EngineError, UsageError
from edge_runtime.measure import child
from edge_runtime.probes import emulation

_HELP = """\
Say what the bundle's model sees in each IMAGE: a file, a folder, or - for raw frames.

Photographs (JPEG, PNG, WebP, ...) need Pillow; .npy, and .npz with an array named images, do not.
With -, frames of --frames WIDTHxHEIGHT are read from standard input, 3 bytes a pixel, and a line is
printed for each as it comes. Images of any size are scaled and cropped as the model's own were.

Without --artifact, --precision or --format the best artifact that fits this CPU runs: INT8 with
static ranges made for it, else dynamic INT8, else FP32. Times go to standard error; they are no
benchmark. An emulated CPU's are not told: they are null in JSON.

\b
Examples:
  edge-bench classify cat.jpg
  edge-bench classify photos/ --top 1 --json > answers.jsonl
  edge-bench classify test.npz --bundle seed-cnn-bundle --precision fp32
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


@click.command(help=_HELP, short_help="Say what the model sees in images or frames.", epilog=_EXIT)
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
    help="The bundle; as for edge-bench, that of edge-bench.pyz or the current folder.",
)
@click.option("--artifact", metavar="FILE", help="Run this artifact of it.")
@click.option("--precision", metavar="NAME", help="fp32, int8-dynamic, int8-static, ...")
@click.option("--format", metavar="NAME", help="onnx or torchscript.")
@click.option(
    "--threads", default=1, show_default=True, type=click.IntRange(1), help="Of the engine."
)
@click.option(
    "--top", default=3, show_default=True, type=click.IntRange(1), help="Classes an image."
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
    type=click.Choice(["chw", "hwc"], case_sensitive=False),
    help="Where channels are in .npy and .npz; told from the shape unless that fits both.",
)
def classify(paths: tuple[str, ...], bundle: Path | None, **wishes: Any) -> None:
    """Check what needs no model, and leave the rest to a child process."""
    frames = wishes["frames"]
    if "-" in paths:
        _check_stream(paths, frames, wishes["layout"])
    elif frames:
        raise UsageError("--frames is the size of raw frames on standard input: give - as IMAGE.")
    where = bundle or default_bundle()
    installing.require_numpy(where)
    kernel = emulation.emulator(emulation.emulated_on())
    order = json.dumps({"bundle": str(where), "emulated_on": kernel, **wishes})
    command = [*child.command("edge_runtime.classify.worker"), order, *(() if frames else paths)]
    raise SystemExit(_run(command, wishes["threads"], frames=bool(frames)))


def _check_stream(
    paths: tuple[str, ...], frames: tuple[int, int] | None, layout: str | None
) -> None:
    if len(paths) > 1:
        raise UsageError("- is the only IMAGE where it is given; a file of that name is ./-")
    if not frames:
        raise UsageError("- reads raw frames: say their size, --frames 640x480.")
    if layout == "chw":
        raise UsageError("--layout chw is of arrays in files; the pixels of raw frames are hwc.")
    if sys.stdin is None or sys.stdin.isatty():
        what = "closed" if sys.stdin is None else "a terminal"
        raise UsageError(f"- reads raw frames from a pipe; standard input is {what}.")


def _run(command: list[str], threads: int, *, frames: bool) -> int:
    """Run the child on this process's own standard streams, and return the exit code.

    Raises:
        EngineError: it died, or the system has no room for it.
        UsageError: there are too many paths.
    """
    stdin = None if frames else subprocess.DEVNULL
    # Ctrl-C waits: in the child until it can say what it has done so far (it starts with this
    # mask), and here until _wait can pass it on.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process = subprocess.Popen(command, stdin=stdin, env=child.environment(threads))
    except OSError as error:
        if error.errno != errno.E2BIG:
            raise EngineError(f"cannot start the model's process: {error.strerror}.") from error
        raise UsageError(
            f"cannot start a process with {len(command)} words ({error.strerror}): give the "
            "folder of the images."
        ) from error
    code, interrupted = _wait(process)
    if interrupted:
        return 130
    if code < 0:
        raise EngineError(f"the model's process ended: {child.why(code)}")
    return code


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, bool]:
    """Return the child's exit code, and whether Ctrl-C ended it: the first asks, a second kills."""
    interrupted = False
    while True:
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            return process.wait(), interrupted
        except KeyboardInterrupt:
            process.send_signal(signal.SIGKILL if interrupted else signal.SIGINT)
            interrupted = True
