"""Child processes: how one is started, talked to in JSON lines, and what its end means."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from edge_runtime.errors import EngineError

# The child imports this very package, and finds everything else where it would without us. It is
# tied to its parent before it imports anything that takes time.
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); import edge_runtime; del sys.path[0]; "
    "from edge_runtime.measure.child import die_with_parent; die_with_parent(int(sys.argv[2])); "
    "from {module} import main; main()"
)

_REMEDIES = {
    signal.SIGILL: "this engine's build uses instructions this CPU lacks: install another version",
    signal.SIGKILL: "killed, most often for memory: close other programs or add swap",
    signal.SIGSEGV: "a fault inside the engine: try another version of it",
    signal.SIGABRT: "the engine gave up: try another version of it",
    signal.SIGBUS: "a file changed or a disk failed while it was read: copy the bundle again",
    signal.SIGFPE: "an impossible division inside the engine: try another version of it",
}
_OUT_OF_MEMORY = (
    "killed by the kernel because memory ran out: close other programs, add swap, or lower "
    "--batch-size"
)


def command(module: str) -> list[str]:
    """Return the command that runs ``main`` of a module, by its full name, in a child process."""
    # -P: a module that lies in the current folder must not be imported in place of the real one.
    here = str(Path(__file__).resolve().parents[2])  # inside edge-bench.pyz: the archive itself
    return [sys.executable, "-P", "-c", _START.format(module=module), here, str(os.getpid())]


def environment(threads: int) -> dict[str, str]:
    """Return this process's environment, with thread counts explicit."""
    return {**os.environ, "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}


def why(code: int, stderr: str = "", *, out_of_memory: bool = False) -> str:
    """Return what an exit code other than 0 means, and what to do.

    Args:
        code: as ``subprocess`` gives it, negative for a signal.
        stderr: what the process wrote on standard error.
        out_of_memory: whether the kernel has killed a process for memory meanwhile.
    """
    last = (stderr.strip().splitlines() or ["nothing on standard error"])[-1]
    if code > 0:
        return f"exit code {code}: {last[:200]}"
    try:
        number = signal.Signals(-code)
    except ValueError:
        return f"signal {-code}: {last[:200]}"
    if number is signal.SIGKILL and out_of_memory:
        return f"{number.name}: {_OUT_OF_MEMORY}"
    return f"{number.name}: {_REMEDIES.get(number, last[:200])}"


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


class Conversation:
    """A child that answers each JSON line with one: asleep while it is not asked.

    Args:
        start: the command of a process that reads orders on standard input and answers on output.
        threads: what the child's environment allows it.

    Use as a context manager: the child ends with the block.
    """

    def __init__(self, start: list[str], threads: int = 1) -> None:
        self._process = subprocess.Popen(
            start,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(threads),
            process_group=0,  # Ctrl-C is the parent's, which ends its children
        )

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """Send an order and wait for its answer.

        Raises:
            EngineError: the child ended, or answers that it failed.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            print(json.dumps(order), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise EngineError(f"a measuring process ended: {why(self._process.wait())}")
        answer: dict[str, Any] = json.loads(line)
        if error := answer.get("error"):
            raise EngineError(error)
        return answer

    def __enter__(self) -> "Conversation":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        if kind is not None:
            self._process.kill()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
