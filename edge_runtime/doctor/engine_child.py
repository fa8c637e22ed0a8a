"""The child that imports an engine, and tells what it finds there; see ``engines.attempt``."""

import json
import sys
from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from edge_runtime import engines
from edge_runtime.errors import EngineError
from edge_runtime.measure.child import answers


def attempt(name: str, precisions: Collection[str]) -> dict[str, Any]:
    """Import an engine, and return what ``engines.Tried`` holds of it, as JSON values."""
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


def main() -> None:
    """Answer one question."""
    with answers() as out:
        json.dump(attempt(**json.load(sys.stdin)), out)
