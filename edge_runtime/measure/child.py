"""Child processes: how one is started, asked in JSON, and what its end means."""

import contextlib
import ctypes
import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO, TypeVar

from edge_runtime.documents import json_file, strict
from edge_runtime.documents.values import to_json
from edge_runtime.errors import reason
from edge_runtime.files import megabytes
from edge_runtime.measure.process import OUTPUT_BYTES, Process
from edge_runtime.printable import one_line
from edge_runtime.probes import load

_T = TypeVar("_T")

_REMEDIES = {
    signal.SIGILL: "this engine's build uses instructions this CPU lacks: install another version",
    signal.SIGKILL: "killed, most often for memory: close other programs or add swap",
    signal.SIGSEGV: "a fault inside the engine: try another version of it",
    signal.SIGABRT: "the engine aborted: try another version of it",
    signal.SIGBUS: "a file changed or a disk failed while it was read: copy the bundle again",
    signal.SIGFPE: "an arithmetic fault inside the engine: try another version of it",
}
_OUT_OF_MEMORY = (
    "killed by the kernel because memory ran out: close other programs, add swap, or lower "
    "--batch-size"
)


class End(StrEnum):
    """How a child process ended without an answer."""

    NOT_STARTED = "not-started"
    EXIT = "exit"
    SIGNAL = "signal"
    TIMEOUT = "timeout"
    NO_ANSWER = "no-answer"


@dataclass(frozen=True)
class Failure:
    """A child process that gave no answer.

    Attributes:
        end: how it ended.
        what: its exit code or signal, or how long it was waited for.
        remedy: what that means and what to do, or what the process said last.
    """

    end: End
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.remedy}" if self.remedy else self.what


def command(module: str) -> list[str]:
    """Return the command that runs ``main`` of a module, by its full name, in a child process.

    ``MODULE`` and this process's id are the last two words; what is added after them is found in
    the child's ``sys.argv[3:]``.
    """
    home = Path(__file__).resolve().parents[2]
    if home.is_file():  # edge-bench.pyz
        entry = [str(home), "--child"]
    else:
        entry = [str(Path(__file__).with_name("start.py"))]
    # -P: a module that lies in the current folder must not be imported in place of the real one.
    return [sys.executable, "-P", *entry, module, str(os.getpid())]


def environment(threads: int) -> dict[str, str]:
    """Return this process's environment, with thread counts explicit."""
    return {**os.environ, "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}


def ask(
    start: Sequence[str],
    request: object,
    kind: type[_T],
    *,
    timeout_s: float | None = None,
    threads: int = 1,
) -> _T | Failure:
    """Start a child, give it a request as JSON, and wait for its answer and its end.

    Args:
        start: the child's command: ``command(MODULE)``, or one that stands in for it.
        request: what ``documents.values.to_json`` takes; the child reads it on standard input.
        kind: the dataclass that the answer on its standard output is read into.
        timeout_s: how long to wait; without end if None. The child is killed then.
        threads: what the child's environment allows it.
    """
    kills_before = load.oom_kills().value
    try:
        with Process(start, environment(threads)) as process:
            process.send(json.dumps(to_json(request)).encode(), last=True)
            is_over = process.wait(timeout_s)
    except OSError as error:
        why = reason(error)
        return Failure(End.NOT_STARTED, "its process cannot be started", why)
    if not is_over:
        return Failure(End.TIMEOUT, f"no answer after {timeout_s:g} s")
    if process.code:
        for_memory = kills_before is not None and load.oom_kills().value != kills_before
        return failure_of(process.code, process.error, out_of_memory=for_memory)
    return believe(read_answer(process), kind)


def read_answer(process: Process) -> dict[str, Any] | Failure:
    """Return the JSON object that a child has answered."""
    if process.flooded:
        what = f"its process wrote more than {megabytes(OUTPUT_BYTES)} where its answer belongs"
        return Failure(End.NO_ANSWER, what)
    if not process.answer:
        what = "its process ended without an answer"
        return Failure(End.NO_ANSWER, what, last_line(process.error))
    try:
        found: dict[str, Any] = json_file.parse(process.answer)
        return found
    except ValueError as error:
        return _nonsense(error)


def believe(answer: dict[str, Any] | Failure, kind: type[_T]) -> _T | Failure:
    """Return an answer as the dataclass that it has to be."""
    if isinstance(answer, Failure):
        return answer
    try:
        return strict.build(kind, answer, "answer")
    except ValueError as error:
        return _nonsense(error)


def _nonsense(error: ValueError) -> Failure:
    return Failure(End.NO_ANSWER, "its process answered nonsense", one_line(str(error), 200))


def failure_of(
    code: int, stderr: bytes | bytearray = b"", *, out_of_memory: bool = False
) -> Failure:
    """Return what an exit code other than 0 means.

    Args:
        code: as ``subprocess`` gives it, negative for a signal.
        stderr: what the process wrote on standard error.
        out_of_memory: whether the kernel has killed a process for memory meanwhile.
    """
    last = last_line(stderr)
    if code > 0:
        return Failure(End.EXIT, f"exit code {code}", last)
    try:
        number = signal.Signals(-code)
    except ValueError:
        return Failure(End.SIGNAL, f"signal {-code}", last)
    if number is signal.SIGKILL and out_of_memory:
        return Failure(End.SIGNAL, number.name, _OUT_OF_MEMORY)
    return Failure(End.SIGNAL, number.name, _REMEDIES.get(number, last))


def last_line(stderr: bytes | bytearray) -> str:
    """Return what a process said last on standard error, as text that can be shown."""
    lines = stderr.decode(errors="replace").split("\n")
    said = [line for line in lines if line.strip()] or ["nothing on standard error"]
    return one_line(said[-1].strip(), 200)


def die_with_parent(parent: int) -> None:
    """Ask Linux to end this process with its parent: an orphan would disturb the next measurement.

    Args:
        parent: its process id; if it is gone already, this process ends now.

    Source: prctl(2), PR_SET_PDEATHSIG.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        if os.getppid() != parent:
            raise SystemExit("the process that waited for this one is gone")


@contextlib.contextmanager
def answers() -> Iterator[TextIO]:
    """Yield what was standard output, for answers alone; what libraries print goes to stderr."""
    with os.fdopen(os.dup(1), "w") as out:
        os.dup2(2, 1)
        yield out


def answer(value: Any, out: TextIO) -> None:
    """Write an answer: a dataclass, or JSON values; on a line of its own, whatever came before."""
    print(f"\n{json.dumps(to_json(value), allow_nan=False)}", file=out, flush=True)
