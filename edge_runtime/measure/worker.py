"""The child process: one artifact, one engine, one turn.

Reads a job as JSON on standard input and writes what it measured as JSON on what was standard
output. Run by ``runner.py``, and ended by the kernel if that is.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from edge_runtime import engines
from edge_runtime.bundle import golden, installing, manifest
from edge_runtime.errors import EngineError, ToolkitError
from edge_runtime.measure import accuracy, accuracy_data, null, timing
from edge_runtime.measure.child import answers
from edge_runtime.probes import clock, memory, state
from edge_runtime.results import parity

_SETTLING_CALLS = 2  # reading the machine's state cools the caches a little


def work(job: dict[str, Any]) -> dict[str, Any]:
    """Load an artifact, time it, and look at what it answers if asked to.

    Memory is read before the accuracy images are run, so that the peak is that of the timed calls.

    Args:
        job: as ``runner.order`` makes it.

    Returns:
        ``engine_version``, ``turn`` (as ``results.Turn``, without its round) and ``accuracy``.

    Raises:
        EngineError: the engine is missing, or refuses the artifact or the input.
        BundleError: the bundle is not what it was when the plan was made.
    """
    if job["cpus"]:
        os.sched_setaffinity(0, job["cpus"])
    bundle, size = Path(job["bundle"]), job["batch_size"]
    start = memory.stage()
    content = manifest.read(bundle)
    artifact = next(a for a in content.artifacts if a.file == job["file"])
    script = installing.script_for(engines.get(artifact.engine).REQUIRES, bundle, content)
    engine = engines.require(artifact.engine, script)
    stages = {"start": start, "engine": memory.stage()}
    pack = golden.of_bundle(bundle, content).first(job["accuracy_images"])
    how = content.preprocessing
    wanted = [i % len(pack.images) for i in range(size)]  # a batch may be larger than the pack
    batch = how.apply(pack.images[wanted])
    overhead = _overhead_ns(batch)

    baseline = memory.start_peak()
    stages["ready"] = memory.stage()
    loaded: list[engines.Session] = []
    load_ns = timing.timed(
        lambda: loaded.append(engine.load(bundle / artifact.file, job["threads"]))
    )
    (session,) = loaded
    stages["loaded"] = memory.stage()
    if not job["timed"]:
        return {
            "engine_version": engine.version(),
            "accuracy": _answers(session, pack, content, artifact, job),
        }

    def call() -> Any:
        return session.run(batch)

    try:
        first_ns = timing.timed(call)
        stages["first"] = memory.stage()
        turn = _timed(call, overhead, job)
    except Exception as error:
        raise _fails(artifact, size, error) from error
    peak = memory.peak_bytes()
    stages["steady"] = memory.stage()
    found: dict[str, Any] = {
        "engine_version": engine.version(),
        "turn": {
            "load_ns": load_ns,
            "first_ns": first_ns,
            "overhead_ns": overhead,
            "memory": {
                **stages,
                "before_load_bytes": baseline.value,
                "peak_bytes": peak.value,
                "reason": baseline.reason or peak.reason,
            },
            **turn,
        },
    }
    if job["accuracy"]:
        found["accuracy"] = _answers(session, pack, content, artifact, job)
    return found


def _answers(
    session: engines.Session,
    pack: golden.Golden,
    content: manifest.Manifest,
    artifact: manifest.Artifact,
    job: dict[str, Any],
) -> dict[str, Any]:
    """Return how the golden images are answered, and other images if there are any."""
    size = job["batch_size"]
    try:
        logits = accuracy.logits_of(
            session.run, pack.images, content.preprocessing, batch_size=size
        )
    except Exception as error:
        raise _fails(artifact, size, error) from error
    found = _compared(logits, pack, artifact, size)
    if job["accuracy_file"]:
        found["data"] = _counted(session, content, job)
    return found


def _fails(artifact: manifest.Artifact, size: int, error: Exception) -> EngineError:
    said = (str(error).strip().splitlines() or [type(error).__name__])[-1]
    shape = (size, *artifact.input.shape[1:])
    return EngineError(f"{artifact.engine} fails on a batch {shape}: {said}")


def _overhead_ns(batch: Any) -> int:
    session = null.NullSession()

    def call() -> Any:
        return session.run(batch)

    return timing.overhead_ns(call)


def _timed(call: Callable[[], object], overhead: int, job: dict[str, Any]) -> dict[str, Any]:
    """Warm up and take the samples, the machine's state around them."""
    fixed_before = clock.fixed_work_ns()
    warm = timing.warm_up(call)
    calls = timing.calls_per_sample(warm.call_ns, overhead)
    before = state.values(state.read())
    settling = [timing.timed(call) for _ in range(_SETTLING_CALLS)]
    enough = timing.Enough(job["min_runs"], job["min_time_s"], job["max_time_s"])
    samples = timing.samples(call, enough, calls=calls)
    after = state.values(state.read(closing=True))
    return {
        "warm_up_ns": [*warm.durations_ns, *settling],
        "settled": warm.settled,
        "calls_per_sample": calls,
        "samples_ns": list(samples),
        "before": {**before, "fixed_work_ns": fixed_before},
        "after": {**after, "fixed_work_ns": clock.fixed_work_ns()},
    }


def _compared(
    logits: Any, pack: golden.Golden, artifact: manifest.Artifact, batch_size: int
) -> dict[str, Any]:
    if logits.shape != pack.logits.shape:
        raise EngineError(
            f"the artifact answers {logits.shape[1:]} values an image, its golden pack has "
            f"{pack.logits.shape[1:]}"
        )
    right = int(accuracy.is_right(logits, pack.labels).sum())
    found = {**parity.compare(logits, pack.logits).to_json(), "right": right}
    # Dynamic INT8 takes its ranges from the whole batch: only single images compare with these.
    alone = batch_size == 1 or not artifact.precision.startswith("int8-dynamic")
    if alone and artifact.file in pack.exported:
        found["exported"] = parity.compare(logits, pack.exported[artifact.file]).to_json()
    return found


def _counted(
    session: engines.Session, content: manifest.Manifest, job: dict[str, Any]
) -> dict[str, int]:
    data = accuracy_data.read(Path(job["accuracy_file"]))
    data.require_fit(content)
    how, size = content.preprocessing, job["batch_size"]
    logits = accuracy.logits_of(session.run, data.images, how, batch_size=size)
    right = int(accuracy.is_right(logits, data.labels).sum())
    return {"images": len(data.labels), "right": right}


def _answer(job: dict[str, Any], run: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    try:
        return {"status": "ok", **run(job)}
    except engines.EngineMissingError as error:
        return {"status": "engine-missing", "message": str(error)}
    except ToolkitError as error:
        return {"status": "failed", "message": str(error)}


def main() -> None:
    """Do one job. Whatever a library prints goes to standard error, not into the result."""
    with answers() as out:
        _main(sys.stdin, out)


def _main(jobs: TextIO, out: TextIO) -> None:
    json.dump(_answer(json.load(jobs), work), out)
