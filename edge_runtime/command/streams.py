"""The two streams of a command: its answer on standard output, all else on standard error."""

import io
import os
import shutil
import sys
from contextlib import suppress
from typing import TextIO

from edge_runtime.errors import ToolkitError, reason
from edge_runtime.printable import one_line


def prepare() -> None:
    """Make the streams usable that a shell closed (``>&-``), or whose encoding is a small one.

    A descriptor that is closed would be the next opened file's, and what is printed would go there.
    Each is taken by ``/dev/null``, the lowest first: an answer cannot be written to it, which is
    told; what is said beside the answer is lost.
    """
    if sys.stdin is None:
        os.open(os.devnull, os.O_RDONLY)
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")
    elif isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = sys.__stdout__ = _for_answers_alone(sys.stdout)  # type: ignore[misc]
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", errors="backslashreplace")


def _for_answers_alone(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """Return standard output under another descriptor: what engines print to it is not heard.

    MNN prints there what the CPU supports, in the middle of JSON.
    """
    stream.flush()
    own = os.dup(stream.fileno())
    # A terminal may know no box-drawing characters.
    kept = os.fdopen(own, "w", encoding=stream.encoding, errors="replace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
    return kept


def show(answer: str) -> None:
    """Write an answer, a line or more, to standard output at once.

    What comes from a file was made safe where the lines were made; JSON is shown as it is.

    Raises:
        BrokenPipeError: whoever read has ended.
        ToolkitError: it cannot be written; a full disk, say.
    """
    try:
        print(answer, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        discard(sys.stdout)
        raise ToolkitError(f"standard output: {reason(error)}.") from error


def tell(line: str) -> None:
    """Write a line to standard error; where that fails it is lost, and the command goes on."""
    try:
        print(one_line(line), file=sys.stderr, flush=True)
    except OSError:
        discard(sys.stderr)


def discard(stream: TextIO) -> None:
    """Let what a stream still holds go nowhere: Python writes it out when it ends."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def width() -> int | None:
    """Return the columns of the terminal that standard output is; None where it is none."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns
