"""An engine's import, tried in a process of its own.

An engine built for another CPU dies of SIGILL when it is imported; that is an answer. ``attempt``
starts the process and asks it; ``main`` is what runs in it.
"""

import json
import sys
from collections.abc import Collection
from dataclasses import dataclass

from edge_runtime import engines
from edge_runtime.errors import EngineError
from edge_runtime.measure import child
from edge_runtime.measure.child import End, Failure

TIMEOUT_S = 120.0
"""An import takes seconds; on a slow card, with nothing cached, perhaps a minute."""


@dataclass(frozen=True)
class Tried:
    """What became of an engine's import.

    Attributes:
        name: the engine's.
        version: of it, where it could be imported.
        missing: whether it is not installed.
        problem: what happened, where it is installed and cannot be imported.
        install: the command that installs it.
        checks: what else artifacts need of it.
    """

    name: str
    version: str = ""
    missing: bool = False
    problem: str = ""
    install: str = ""
    checks: tuple[engines.Check, ...] = ()

    @property
    def works(self) -> bool:
        """Whether it could be imported."""
        return bool(self.version)


def attempt(name: str, precisions: Collection[str] = (), python: str = sys.executable) -> Tried:
    """Import an engine in a child process, and return what became of it.

    Args:
        name: the engine's.
        precisions: of the artifacts that it is to run.
        python: the Python that imports it.
    """
    command = [python, *child.command("edge_runtime.setup.engine_import")[1:]]
    request = {"name": name, "precisions": sorted(precisions)}
    answer = child.ask(command, request, Tried, timeout_s=TIMEOUT_S)
    if not isinstance(answer, Failure):
        return answer
    if answer.end is End.TIMEOUT:
        return Tried(name, problem=f"import timed out after {TIMEOUT_S:g} s")
    return Tried(name, problem=str(answer))


def main() -> None:
    """Answer one request: what runs in the child process."""
    with child.answers() as out:
        child.answer(_import(**json.load(sys.stdin)), out)


def _import(name: str, precisions: Collection[str]) -> Tried:
    try:
        install = engines.get(name).INSTALL
        engine = engines.require(name)
        version = engines.version(name)
        checks = _check(engine, precisions)
    except engines.EngineMissingError:
        return Tried(name, install=install, missing=True)
    except EngineError as error:
        return Tried(name, problem=error.what)
    return Tried(name, version=version, install=install, checks=checks)


def _check(engine: engines.Engine, precisions: Collection[str]) -> tuple[engines.Check, ...]:
    checks = getattr(engine, "checks", None)
    with engines.one_error(f"{engine.REQUIRES} cannot be checked"):
        return tuple(checks(precisions)) if checks else ()
