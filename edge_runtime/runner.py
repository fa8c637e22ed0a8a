"""Run a plan: each artifact in a child process of its own, one after another.

The parent sleeps while a child measures. A child that is missing its engine, crashes or hangs
becomes a row that says so, and the others go on.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge_runtime import manifest
from edge_runtime.errors import BundleError
from edge_runtime.parity import Parity
from edge_runtime.plan import Job, Plan, Settings, golden_pack
from edge_runtime.results import Row, Status

FP32_TOLERANCE = 1e-3
"""How far FP32 logits may lie from the exporting machine's, for logits up to 1 (relative above):
another CPU's kernels add in another order, and on Arm differ by less than this."""

# The child imports this very package, and finds everything else where it would without us.
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); import edge_runtime; del sys.path[0]; "
    "from edge_runtime.worker import main; main()"
)

_REMEDIES = {
    signal.SIGILL: "this engine's build uses instructions this CPU lacks: install another version",
    signal.SIGKILL: "killed, most often for memory: close other programs or add swap",
    signal.SIGSEGV: "a fault inside the engine: try another version of it",
}


def run(plan: Plan) -> Iterator[Row]:
    """Run each job; a row is yielded as soon as it is known."""
    for job in plan.jobs:
        yield _run_job(job, plan.settings)


def corrupt_files(plan: Plan) -> list[str]:
    """Return what is wrong with the bundles' files that are no artifacts, a sentence each."""
    problems = []
    for bundle, content in {job.bundle: job.manifest for job in plan.jobs}.items():
        for record in content.files:
            try:
                manifest.verified(bundle, record)
            except BundleError as error:
                problems.append(str(error))
    return problems


def job_for_worker(job: Job, settings: Settings, file: Path, golden: Path) -> dict[str, Any]:
    """Return what a worker needs to know, as JSON values."""
    return {
        "engine": job.artifact.engine,
        "file": str(file),
        "golden": str(golden),
        "mean": job.manifest.preprocessing.mean,
        "std": job.manifest.preprocessing.std,
        **settings.to_json(),
    }


def _run_job(job: Job, settings: Settings) -> Row:
    try:
        file = manifest.verified(job.bundle, job.artifact)
        golden = golden_pack(job.bundle, job.manifest)
    except BundleError as error:
        message = str(error).removeprefix(f"{job.artifact.file}: ")
        return _row(job, Status.CORRUPT, message=message)
    answer = _in_child(job_for_worker(job, settings, file, golden), settings)
    row = _row(job, Status(answer.pop("status")), **answer)
    return _checked(row)


def _row(job: Job, status: Status, **measured: Any) -> Row:
    artifact = job.artifact
    values: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in measured.items()
    }
    return Row(
        bundle=job.bundle.resolve().name,
        model=job.manifest.model,
        file=artifact.file,
        format=artifact.format,
        engine=artifact.engine,
        precision=artifact.precision,
        target=artifact.target,
        size_bytes=artifact.size_bytes,
        status=status,
        **values,
    )


def _in_child(job: dict[str, Any], settings: Settings) -> dict[str, Any]:
    # -P: a module that lies in the current folder must not be imported in place of the real one.
    here = str(Path(__file__).resolve().parent.parent)  # inside edge-bench.pyz: the archive itself
    command = [sys.executable, "-P", "-c", _START, here]
    try:
        child = subprocess.run(
            command,
            input=json.dumps(job),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=settings.timeout_s,
            env=_environment(settings.threads),
        )
    except subprocess.TimeoutExpired:
        return {
            "status": Status.TIMED_OUT,
            "message": f"no result after {settings.timeout_s:g} s: raise --timeout, or lower "
            "--min-runs, --min-time or --accuracy-images",
        }
    if child.returncode:
        return {"status": Status.CRASHED, "message": _why(child.returncode, child.stderr)}
    try:
        answer: dict[str, Any] = json.loads(child.stdout)
    except ValueError:
        return {"status": Status.CRASHED, "message": "its process ended without a result"}
    return answer


def _environment(threads: int) -> dict[str, str]:
    """Return the child's environment: ours, with thread counts explicit."""
    return {**os.environ, "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}


def _why(code: int, stderr: str) -> str:
    last = (stderr.strip().splitlines() or ["nothing on standard error"])[-1]
    if code > 0:
        return f"exit code {code}: {last[:200]}"
    try:
        number = signal.Signals(-code)
    except ValueError:
        return f"signal {-code}: {last[:200]}"
    return f"{number.name}: {_REMEDIES.get(number, last[:200])}"


def _checked(row: Row) -> Row:
    """Compare with the golden logits: a model that computes something else is mismatched."""
    if row.status is not Status.OK:
        return row
    counts = {key: value for key, value in row.accuracy.items() if key != "right"}
    problem = Parity(**counts).problem(row.precision, fp32_tolerance=FP32_TOLERANCE)
    if problem is None:
        return row
    message = f"{problem}: this engine computes something else here; try another version of it"
    return replace(row, status=Status.MISMATCHED, message=message)
