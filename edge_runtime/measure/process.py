"""A child process that can neither flood nor block the one that waits for it, nor leave others.

What it writes is read as it comes, and kept within bounds. It is waited for itself, not for its
pipes, which processes that it started may hold open; these end with it, as one process group. The
waiting process sleeps meanwhile: it is not to disturb what its child measures.
"""

import contextlib
import errno
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO

OUTPUT_BYTES = 64 * 2**20
"""What it may write on standard output: an answer of millions of samples is smaller."""

ERROR_BYTES = 64 * 2**10
"""What is kept of standard error: its end."""

_PIECE_BYTES = 2**20
"""Read at once: all that a pipe holds, so that one reading empties it."""

_WRITTEN_BYTES = 2**16


class Process:
    """A started child; a context manager, with whose block it ends.

    Args:
        start: its command.
        environment: of it.

    Attributes:
        answer: the last whole line on standard output that may be one, a JSON object; empty if
            there is none. What a library wrote to the same descriptor stands on other lines.
        flooded: whether it has written more than ``OUTPUT_BYTES`` there.
        error: the end of what it has written on standard error.
        ended: whether it has ended by itself.
        code: its exit code once ``end`` was called, negative for a signal.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, start: Sequence[str], environment: Mapping[str, str]) -> None:
        self.answer, self.error = b"", bytearray()
        self.flooded = self.ended = False
        self._line, self._output_bytes = bytearray(), 0
        self.code = 0
        self._unsent, self._is_last = b"", False
        self._process = subprocess.Popen(
            start,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            process_group=0,  # Ctrl-C is the parent's, which ends its children
        )
        self._watcher = threading.Thread(target=self._watch_end, daemon=True)
        try:
            self._selector = selectors.DefaultSelector()
            over, self._over = os.pipe()
            self._watcher.start()
        except (OSError, RuntimeError) as error:  # so many files or threads are not allowed
            self._kill()
            self._process.wait()
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from error
        self._listen(os.fdopen(over, "rb", 0), self._note_end)
        self._listen(self._process.stdout, self._keep_output)
        self._listen(self._process.stderr, self._keep_error)

    def send(self, content: bytes, *, last: bool = False) -> None:
        """Write something to its standard input while it is waited for, and await a new answer.

        Args:
            content: what it is to read.
            last: whether nothing comes after that.
        """
        self._unsent, self._is_last = content, last
        self.answer, self._output_bytes = b"", 0
        pipe = self._process.stdin
        assert pipe is not None
        if not pipe.closed:
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, selectors.EVENT_WRITE, self._write)

    def wait(
        self, timeout_s: float | None = None, until: Callable[[], bool] = lambda: False
    ) -> bool:
        """Sleep until it has ended, or something else holds; return False if that takes too long.

        Args:
            timeout_s: how long to wait; without end if None.
            until: asked whenever it has written something.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not (self.ended or until()):
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return False
            for key, _ in self._selector.select(left):
                key.data(key.fileobj)
        return True

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def end(self) -> None:
        """End it, with all that it started, and read what it wrote last."""
        if self._process.returncode is not None:
            return
        self._kill()
        self._watcher.join()
        self.code = self._process.wait()
        for key in [*self._selector.get_map().values()]:
            pipe: IO[bytes] = key.fileobj  # type: ignore[assignment]
            if key.events == selectors.EVENT_READ:
                os.set_blocking(key.fd, False)
                with contextlib.suppress(BlockingIOError):  # somebody else holds it open
                    key.data(pipe)
            pipe.close()
        self._selector.close()
        assert self._process.stdin is not None
        self._process.stdin.close()

    def _kill(self) -> None:
        """Kill it and its group; the number is theirs as long as nobody has waited for it."""
        for kill in (os.kill, os.killpg):
            with contextlib.suppress(OSError):
                kill(self._process.pid, signal.SIGKILL)

    def _watch_end(self) -> None:
        with contextlib.suppress(ChildProcessError):  # somebody waited for it already
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        os.close(self._over)

    def _listen(self, pipe: IO[bytes] | None, keep: Callable[[IO[bytes]], None]) -> None:
        assert pipe is not None
        self._selector.register(pipe, selectors.EVENT_READ, keep)

    def _read(self, pipe: IO[bytes]) -> bytes:
        """Return what has come, or nothing at a pipe's end, which is then closed."""
        piece = os.read(pipe.fileno(), _PIECE_BYTES)
        if not piece:
            self._forget(pipe)
        return piece

    def _forget(self, pipe: IO[bytes]) -> None:
        self._selector.unregister(pipe)
        pipe.close()

    def _note_end(self, pipe: IO[bytes]) -> None:
        self.ended = True
        self._forget(pipe)

    def _keep_output(self, pipe: IO[bytes]) -> None:
        piece = self._read(pipe)
        self._output_bytes += len(piece)
        self.flooded |= self._output_bytes > OUTPUT_BYTES
        if self.flooded:
            return
        *ends, rest = piece.split(b"\n")
        for end in ends:
            line = bytes(self._line + end)
            self.answer = line if line.startswith(b"{") else self.answer
            self._line.clear()
        self._line += rest

    def _keep_error(self, pipe: IO[bytes]) -> None:
        self.error += self._read(pipe)
        del self.error[:-ERROR_BYTES]

    def _write(self, pipe: IO[bytes]) -> None:
        try:
            written = os.write(pipe.fileno(), self._unsent[:_WRITTEN_BYTES])
        except BrokenPipeError:  # it reads no more: how it ends says why
            self._forget(pipe)
            return
        self._unsent = self._unsent[written:]
        if self._unsent:
            return
        self._selector.unregister(pipe)
        if self._is_last:
            pipe.close()
