"""Run a plan: each artifact in a child process of its own, one after another.

The parent sleeps while a child measures. A child that is missing its engine, crashes or hangs
becomes a row that says so, and the others go on.
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge_runtime import child, manifest
from edge_runtime.errors import BundleError
from edge_runtime.parity import Parity
from edge_runtime.plan import Job, Plan, Settings, golden_pack
from edge_runtime.results import Row, Status

FP32_TOLERANCE = 1e-3
"""How far FP32 logits may lie from the exporting machine's, for logits up to 1 (relative above):
another CPU's kernels add in another order, and on Arm differ by less than this."""


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
        "normalised_by": job.manifest.preprocessing.normalised_by,
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
    return _checked(row, job.artifact.parity.get("top1_agreement", 1.0))


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
        overridden=artifact.overridden,
        status=status,
        **values,
    )


def _in_child(job: dict[str, Any], settings: Settings) -> dict[str, Any]:
    try:
        done = subprocess.run(
            child.command("worker"),
            input=json.dumps(job),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=settings.timeout_s,
            env=child.environment(settings.threads),
        )
    except subprocess.TimeoutExpired:
        return {
            "status": Status.TIMED_OUT,
            "message": f"no result after {settings.timeout_s:g} s: raise --timeout, or lower "
            "--min-runs, --min-time or --accuracy-images",
        }
    if done.returncode:
        return {"status": Status.CRASHED, "message": child.why(done.returncode, done.stderr)}
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return {"status": Status.CRASHED, "message": "its process ended without a result"}
    return answer


def _checked(row: Row, expected_agreement: float) -> Row:
    """Compare with the golden logits: a model that computes something else is mismatched."""
    if row.status is not Status.OK:
        return row
    counts = {key: value for key, value in row.accuracy.items() if key != "right"}
    problem = Parity(**counts).problem(
        row.precision, fp32_tolerance=FP32_TOLERANCE, expected_agreement=expected_agreement
    )
    if problem is None:
        return row
    message = f"{problem}: this engine computes something else here; try another version of it"
    return replace(row, status=Status.MISMATCHED, message=message)
