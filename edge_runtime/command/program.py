"""A command as a program of the system: signals end it cleanly, and no error is a traceback."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from edge_runtime.command import streams
from edge_runtime.errors import reason

_ENDING = (signal.SIGTERM, signal.SIGHUP)


class _Ended(BaseException):
    """A signal that ends the process, on its way through whatever has to be cleaned up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def start(command: Callable[[], object]) -> None:
    """Run a command as the program that a user typed."""
    streams.prepare()
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # as edge-bench.pyz leaves it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    _require_current_folder()
    try:
        with ended_by_signals():
            command()
    except OSError as error:
        streams.tell(f"Error: {_explain(error)}")
        streams.discard(sys.stdout)
        sys.exit(1)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Clean up at SIGTERM and SIGHUP as at Ctrl-C, and die of them then.

    What is ignored (``nohup``) stays so.
    """
    for number in _ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)
    try:
        yield
    except _Ended as ended:
        signal.signal(ended.number, signal.SIG_DFL)
        os.kill(os.getpid(), ended.number)


def _end(number: int, frame: object) -> NoReturn:
    raise _Ended(number)


def _explain(error: OSError) -> str:
    """Return a sentence on an error of the system that no command expected."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{reason(error)}."


def _require_current_folder() -> None:
    """End where every relative path fails, and PyTorch dies while it is imported."""
    try:
        Path.cwd()
    except FileNotFoundError:
        streams.tell("Error: the current folder was removed. Change to one that exists.")
        sys.exit(1)
