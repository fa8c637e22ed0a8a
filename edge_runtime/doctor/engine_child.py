"""The child that imports an engine, and tells what it finds there; see ``engines.attempt``."""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

from edge_runtime import engines
from edge_runtime.doctor import elf
from edge_runtime.engines import torch
from edge_runtime.errors import EngineError
from edge_runtime.measure.child import answers


def tried(name: str) -> dict[str, Any]:
    """Import an engine, and return what ``engines.Tried`` holds of it, as JSON values."""
    engine = engines.get(name)
    found: dict[str, Any] = {"install": engine.INSTALL, "quantized": []}
    try:
        engines.require(name)
    except engines.EngineMissingError:
        return {**found, "missing": True}
    except EngineError as error:
        return {**found, "problem": str(error)}
    found |= {"version": engine.version(), "alignment": _alignment(engine.REQUIRES)}
    if name == "torch":
        found["quantized"] = torch.quantized_backends()
    return found


def _alignment(module: str) -> int | None:
    """Return the least alignment of a module's own libraries, and numpy's, in bytes."""
    found = []
    for name in (module, "numpy"):
        spec = importlib.util.find_spec(name)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for path in Path(folder).rglob("*.so*"):
                with path.open("rb") as file:
                    found.append(elf.alignment(file))
    return elf.least(found)


def main() -> None:
    """Answer one question."""
    with answers() as out:
        json.dump(tried(json.load(sys.stdin)["engine"]), out)
