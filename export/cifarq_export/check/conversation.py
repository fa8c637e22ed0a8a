"""A child process that is asked again and again: it sleeps while it is not asked."""

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from edge_runtime.errors import EngineError, reason
from edge_runtime.measure import child
from edge_runtime.measure.child import Failure
from edge_runtime.measure.process import Process

_T = TypeVar("_T")


class Conversation:
    """A child that answers each JSON line with one: asleep while it is not asked.

    Args:
        start: the command of a process that reads requests on standard input and answers on output.
        threads: what the child's environment allows it.

    Use as a context manager: the child ends with the block.

    Raises:
        EngineError: it cannot be started.
    """

    def __init__(self, start: Sequence[str], threads: int = 1) -> None:
        try:
            self._process = Process(start, child.environment(threads))
        except OSError as error:
            why = reason(error)
            what = f"a measuring process cannot be started: {why}."
            raise EngineError(what) from error

    def ask(self, request: dict[str, Any], kind: type[_T]) -> _T:
        """Send a request and wait for its answer.

        Args:
            request: JSON values.
            kind: the dataclass that the answer has to be.

        Raises:
            EngineError: the child ended, answers nonsense, or answers that it failed.
        """
        process = self._process
        process.send(json.dumps(request).encode() + b"\n")
        process.wait(until=lambda: process.flooded or bool(process.answer))
        answer = child.read_answer(process)
        if isinstance(answer, dict) and "error" in answer:
            raise EngineError(str(answer["error"]))
        found = child.believe(answer, kind)
        if isinstance(found, Failure):
            raise EngineError(f"a measuring process failed: {self._why(found)}")
        return found

    def _why(self, failure: Failure) -> Failure:
        """Return how the child ended, if that is why it gave no answer."""
        if self._process.ended:
            self._process.end()
            if code := self._process.code:
                return child.failure_of(code, self._process.error)
        return failure

    def __enter__(self) -> "Conversation":
        return self

    def __exit__(self, *error: object) -> None:
        self._process.end()
