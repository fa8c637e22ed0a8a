"""The child process of ``interleaving``: holds one session, and times calls of it when asked.

Reads JSON lines on standard input, answers each on what was standard output:

    {"load": {"loader": "module:function", "arguments": {...}}, "batch": "FILE.npy"}  -> {}
    {"stretch_s": 0.2}  -> {"samples_ns": [...], "before": {...}, "after": {...}}

The last two are the machine's state around the stretch, as far as it counts up.
"""

import importlib
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime import engines
from edge_runtime.bundle import integrity
from edge_runtime.bundle.manifest import FileRecord
from edge_runtime.errors import ToolkitError
from edge_runtime.measure import timing
from edge_runtime.measure.accuracy import Predict
from edge_runtime.measure.child import answer, answers
from edge_runtime.probes import state

_MIN_CALLS = 5
_WARM_UP_CALLS = 2  # a stretch starts with cold caches: other processes used them


def engine_session(
    engine: str, folder: str, record: dict[str, Any], threads: int, precision: str
) -> Predict:
    """Load an artifact, if it is still the one that the parent means."""
    file = FileRecord(**record)
    options = engines.Options(threads, precision)
    return engines.load(engine, integrity.read(Path(folder), file), file.file, options).run


class _Subject:
    def __init__(self, load: dict[str, Any], batch_file: str) -> None:
        module, _, name = load["loader"].partition(":")
        loader: Callable[..., Predict] = getattr(importlib.import_module(module), name)
        predict, batch = loader(**load["arguments"]), np.load(batch_file)
        self._call: Callable[[], Any] = lambda: predict(batch)
        timing.warm_up(self._call)

    def stretch(self, seconds: float) -> dict[str, Any]:
        for _ in range(_WARM_UP_CALLS):
            self._call()
        before = state.read_nearest()
        samples = timing.samples(self._call, timing.Enough(_MIN_CALLS, seconds))
        after = state.read_nearest(closing=True)
        return {"samples_ns": samples, "before": asdict(before), "after": asdict(after)}


def _answer(request: dict[str, Any], subject: _Subject | None) -> tuple[dict[str, Any], Any]:
    try:
        if "load" in request:
            return {}, _Subject(request["load"], request["batch"])
        assert subject is not None
        return subject.stretch(request["stretch_s"]), subject
    except ToolkitError as error:
        return {"error": str(error)}, subject
    except Exception as error:
        reason = (str(error).strip().splitlines() or [""])[-1]
        return {"error": f"{type(error).__name__}: {reason}"}, subject


def main() -> None:
    """Answer until standard input ends. What a library prints goes to standard error."""
    with answers() as out:
        subject: _Subject | None = None
        for line in sys.stdin:
            found, subject = _answer(json.loads(line), subject)
            answer(found, out)
