"""An engine's import, tried in a process of its own.

An engine built for another CPU dies of SIGILL when it is imported; that is an answer. ``attempt``
starts the process and asks it; ``main`` is what runs in it.
"""

import json
import subprocess
import sys
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from edge_runtime import engines
from edge_runtime.errors import EngineError
from edge_runtime.measure import child

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
    try:
        done = subprocess.run(
            command,
            input=json.dumps({"name": name, "precisions": sorted(precisions)}),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            env=child.environment(1),
        )
    except subprocess.TimeoutExpired:
        return Tried(name, problem=f"import timed out after {TIMEOUT_S:g} s")
    if done.returncode:
        return Tried(name, problem=child.why(done.returncode, done.stderr))
    answer = json.loads(done.stdout)
    checks = tuple(engines.Check(**check) for check in answer.pop("checks", ()))
    return Tried(name, **answer, checks=checks)


def main() -> None:
    """Answer one request: what runs in the child process."""
    with child.answers() as out:
        json.dump(_import(**json.load(sys.stdin)), out)


def _import(name: str, precisions: Collection[str]) -> dict[str, Any]:
    """Import an engine, and return what ``Tried`` holds of it, as JSON values."""
    try:
        install = engines.get(name).INSTALL
        engine = engines.require(name)
    except engines.EngineMissingError:
        return {"install": install, "missing": True}
    except EngineError as error:
        return {"problem": error.what}
    checks = getattr(engine, "checks", None)
    return {
        "install": install,
        "version": engine.version(),
        "checks": [asdict(check) for check in checks(precisions)] if checks else [],
    }
