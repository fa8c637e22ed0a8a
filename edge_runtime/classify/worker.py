"""The child process of ``edge-bench classify``: it loads a model, and answers as images come.

Standard input and output are the command's own: raw frames in, a line an image out. Nothing that
takes time is imported before Ctrl-C is taken care of.
"""

import io
import json
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from edge_runtime.classify.tally import Tally
from edge_runtime.errors import DataError, ToolkitError
from edge_runtime.measure.child import answers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_runtime.classify.classifier import Classifier, Prediction


@dataclass(frozen=True)
class Order:
    """What to do, as JSON values.

    Attributes:
        bundle, artifact, precision, format, threads: as ``Classifier`` takes them.
        top: classes a line.
        color: of frames and arrays; photographs say it themselves.
        layout: of arrays, or None; frames and photographs have one.
        as_json: whether to write JSON lines.
        frames: width and height of the frames on standard input; None: files are read.
        emulated_on: the machine that emulates this CPU, so that no time is told; '' if none does.
    """

    bundle: str
    artifact: str | None
    precision: str | None
    format: str | None
    threads: int
    top: int
    color: str
    layout: str | None
    as_json: bool
    frames: tuple[int, int] | None
    emulated_on: str


@dataclass(frozen=True)
class Source:
    """An image as ``Classifier`` takes it, and what it is called.

    It is ``name`` in a line of text, and ``keys`` in one of JSON.
    """

    name: str
    keys: dict[str, Any]
    image: "NDArray[np.uint8]"
    color: str
    layout: str | None


class CtrlC:
    """Raises ``KeyboardInterrupt`` once, and remembers: C code may make another error of it.

    Once, because the terminal tells this process, and the command that waits for it passes it on.
    """

    def __init__(self) -> None:
        self.came = False

    def listen(self) -> None:
        """Begin; the command has held signals back until now."""
        signal.signal(signal.SIGINT, self._raise)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def _raise(self, number: int, frame: object) -> None:
        self.came = True
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt


class Lines:
    """Writes a line an image, at once; ``timed``: whether its times mean anything."""

    def __init__(self, out: TextIO, as_json: bool, timed: bool) -> None:
        self._out = out
        self._as_json = as_json
        self._timed = timed

    def write(self, source: Source, answer: "Prediction") -> None:
        """Write what a model says of an image."""
        if self._as_json:
            top = [{"label": label, "probability": p} for label, p in answer.top]
            times = {"preprocess_ns": answer.preprocess_ns, "model_ns": answer.model_ns}
            told = times if self._timed else dict.fromkeys(times)
            line = json.dumps({**source.keys, "top": top, **told})
        else:
            line = f"{source.name}: "
            line += ", ".join(f"{label} {100 * p:.1f} %" for label, p in answer.top)
        print(line, file=self._out, flush=True)


def classify(order: Order, paths: list[Path], out: TextIO, tally: Tally, ctrl_c: CtrlC) -> int:
    """Answer all images, and return the exit code.

    Raises:
        ToolkitError: of the bundle, the engine or the names that were given.
    """
    from edge_runtime.classify.classifier import Classifier

    model = Classifier(
        order.bundle,
        precision=order.precision,
        format=order.format,
        artifact=order.artifact,
        threads=order.threads,
    )
    what = f"{model.artifact.file} on {model.artifact.engine} {model.engine_version}"
    tally.start(what, order.emulated_on)
    if gates := model.artifact.overridden:
        _complain(f"{model.artifact.file} was exported although it failed: {', '.join(gates)}")
    lines, failures = Lines(out, order.as_json, timed=not order.emulated_on), 0
    for source in _sources(order, paths):
        try:
            if isinstance(source, DataError):
                raise source
            _answer(model, source, order.top, lines, tally)
        except DataError as error:  # the next one may be whole
            if ctrl_c.came:
                raise
            _complain(str(error))
            failures += 1
    return 1 if failures else 0


def _answer(model: "Classifier", source: Source, top: int, lines: Lines, tally: Tally) -> None:
    from edge_runtime.classify import pixels

    try:
        (answer,) = model.predict(source.image, top=top, color=source.color, layout=source.layout)
    except pixels.LayoutError as error:
        raise DataError(
            f"{source.name}: {error.readings}. Say --layout chw or --layout hwc."
        ) from error
    except DataError as error:
        raise DataError(f"{source.name}: {error}") from error
    tally.add(answer.preprocess_ns, answer.model_ns)
    lines.write(source, answer)


def _sources(order: Order, paths: list[Path]) -> Iterator[Source | DataError]:
    """Yield the images in order; in place of those that cannot be read, why."""
    if order.frames:
        yield from frames(sys.stdin.buffer, *order.frames, order.color)
        return
    from edge_runtime.classify import images

    for path in paths:
        for found in images.find(path):
            if isinstance(found, DataError):
                yield found
            else:
                yield from of_file(found, order.color, order.layout)


def frames(stream: BinaryIO, width: int, height: int, color: str) -> Iterator[Source | DataError]:
    """Yield raw frames (height, width, 3) uint8 from a stream until it ends, each as it comes."""
    import numpy as np

    from edge_runtime.classify.pixels import Layout

    size, number = width * height * 3, 0
    while piece := stream.read(size):
        number += 1
        if len(piece) < size:
            yield DataError(
                f"standard input ended within frame {number}: {len(piece)} of {size} bytes. Is "
                f"--frames {width}x{height} what is sent, with 3 bytes a pixel?"
            )
            return
        image = np.frombuffer(piece, np.uint8).reshape(height, width, 3)
        yield Source(f"frame {number}", {"frame": number}, image, color, Layout.HWC)
    if not number:
        yield DataError("standard input held no frame.")


def of_file(file: Path, color: str, layout: str | None) -> Iterator[Source | DataError]:
    """Yield a file's images; arrays may be many, of this ``color`` and ``layout``."""
    from edge_runtime.classify import images, pixels

    try:
        content = images.read(file)
        singles = list(content) if content.ndim == 4 else [content]
        if not singles:
            raise DataError(f"{file} holds no images.")
    except DataError as error:
        yield error
        return
    how = (color, layout)
    if file.suffix.lower() not in images.ARRAYS:
        how = (pixels.Color.RGB, pixels.Layout.HWC)
    for number, image in enumerate(singles):
        if content.ndim == 4:
            keys = {"file": str(file), "image": number}
            yield Source(f"{file}[{number}]", keys, image, *how)
        else:
            yield Source(str(file), {"file": str(file)}, image, *how)


def _complain(message: str) -> None:
    print(f"Error: {message}", file=sys.stderr, flush=True)


def main() -> None:
    """Do what the command line says: an order as JSON, then paths."""
    tally, ctrl_c = Tally(), CtrlC()
    code = _main(tally, ctrl_c)
    if ctrl_c.came:
        code = 130
    print(tally.line(interrupted=ctrl_c.came), end="", file=sys.stderr)
    raise SystemExit(code)


def _main(tally: Tally, ctrl_c: CtrlC) -> int:
    """Classify, and return the exit code; a failure is told."""
    problem, code = "", 1
    try:
        ctrl_c.listen()
        order, paths = Order(**json.loads(sys.argv[3])), [Path(name) for name in sys.argv[4:]]
        with answers() as out:
            if isinstance(out, io.TextIOWrapper):  # a file's name may be anything
                out.reconfigure(errors="replace")
            return classify(order, paths, out, tally, ctrl_c)
    except BrokenPipeError:
        return 0  # whoever reads has enough: `| head`
    except OSError as error:
        # A stream has no name; whatever has one says it, rather than that a stream was it.
        where = error.filename or "standard input or output"
        problem = f"{where}: {error.strerror or error}."
    except ToolkitError as error:
        problem, code = str(error), error.exit_code
    except BaseException:
        if not ctrl_c.came:
            raise
    if not ctrl_c.came:
        _complain(problem)
    return code
