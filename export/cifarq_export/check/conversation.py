"""A child process that is asked again and again: it sleeps while it is not asked."""

import contextlib
import json
import subprocess
from types import TracebackType
from typing import Any

from edge_runtime.errors import EngineError
from edge_runtime.measure import child


class Conversation:
    """A child that answers each JSON line with one: asleep while it is not asked.

    Args:
        start: the command of a process that reads requests on standard input and answers on output.
        threads: what the child's environment allows it.

    Use as a context manager: the child ends with the block.
    """

    def __init__(self, start: list[str], threads: int = 1) -> None:
        self._process = subprocess.Popen(
            start,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=child.environment(threads),
            process_group=0,  # Ctrl-C is the parent's, which ends its children
        )

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request and wait for its answer.

        Raises:
            EngineError: the child ended, or answers that it failed.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            print(json.dumps(request), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            failure = child.failure_of(self._process.wait())
            raise EngineError(f"a measuring process ended: {failure}")
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
