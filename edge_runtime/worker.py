"""The child process: one artifact, one engine, one result.

Reads a job as JSON on standard input and writes the result as JSON on what was standard output.
Run by ``runner.py``, and ended by the kernel if that is.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from edge_runtime import accuracy, engines, golden, measure, parity
from edge_runtime.child import answers, die_with_parent
from edge_runtime.errors import EngineError, ToolkitError
from edge_runtime.preprocess import NormalisedBy, Preprocessing
from edge_runtime.probes import memory


def work(job: dict[str, Any]) -> dict[str, Any]:
    """Load an artifact, time it, then look at what it answers.

    Memory is read before the accuracy images are run, so that the peak is that of the timed calls.

    Args:
        job: as ``runner.job_for_worker`` makes it.

    Returns:
        The measured part of a row of ``results``.

    Raises:
        EngineError: the engine is missing, or refuses the artifact or the input.
    """
    pack = golden.read(Path(job["golden"])).first(job["accuracy_images"])
    how = Preprocessing(job["mean"], job["std"], NormalisedBy(job["normalised_by"]))
    size = job["batch_size"]
    wanted = [i % len(pack.images) for i in range(size)]  # a batch may be larger than the pack
    batch = how.apply(pack.images[wanted])

    engine = engines.require(job["engine"])
    baseline = memory.start_peak()
    loaded: list[engines.Session] = []
    load_ns = measure.timed(lambda: loaded.append(engine.load(Path(job["file"]), job["threads"])))
    session = loaded[0]
    after_load = memory.resident_bytes()

    def call() -> Any:
        return session.run(batch)

    try:
        first_ns = measure.timed(call)
        steady = measure.steady(call, min_runs=job["min_runs"], min_time_s=job["min_time_s"])
    except Exception as error:
        reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
        raise EngineError(f"{job['engine']} fails on a batch {batch.shape}: {reason[0]}") from error
    peak = memory.peak_bytes()

    logits = accuracy.logits_of(session.run, pack.images, how, batch_size=size)
    return {
        "engine_version": engine.version(),
        "load_ns": load_ns,
        "first_ns": first_ns,
        "warm_up_ns": list(steady.warm_up_ns),
        "samples_ns": list(steady.samples_ns),
        "memory": {
            "import_only_bytes": baseline.value,
            "after_load_bytes": after_load.value,
            "peak_bytes": peak.value,
            "reason": baseline.reason or peak.reason,
        },
        "accuracy": _compared(logits, pack),
    }


def _compared(logits: Any, pack: golden.Golden) -> dict[str, Any]:
    if logits.shape != pack.logits.shape:
        raise EngineError(
            f"the artifact answers {logits.shape[1:]} values an image, its golden pack has "
            f"{pack.logits.shape[1:]}"
        )
    compared = parity.compare(logits, pack.logits)
    right = int(accuracy.is_right(logits, pack.labels).sum())
    return {**compared.to_json(), "right": right}


def _answer(job: dict[str, Any], run: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    try:
        return {"status": "ok", **run(job)}
    except engines.EngineMissingError as error:
        return {"status": "engine-missing", "message": str(error)}
    except ToolkitError as error:
        return {"status": "failed", "message": str(error)}


def main() -> None:
    """Do one job. Whatever a library prints goes to standard error, not into the result."""
    die_with_parent()
    with answers() as out:
        _main(sys.stdin, out)


def _main(jobs: TextIO, out: TextIO) -> None:
    json.dump(_answer(json.load(jobs), work), out)
