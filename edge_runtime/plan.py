"""What is going to be measured: which artifacts, and how."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_runtime import golden, manifest
from edge_runtime.command import did_you_mean
from edge_runtime.errors import BundleError, UsageError
from edge_runtime.manifest import Artifact, Manifest


@dataclass(frozen=True)
class Settings:
    """How each artifact is measured.

    Attributes:
        threads: threads the engine may use.
        batch_size: images a call.
        min_runs: at least so many timed calls.
        min_time_s: and at least so many seconds of them.
        accuracy_images: golden images for top-1; the pack is used up to its end.
        timeout_s: seconds after which an artifact's process is killed.
    """

    threads: int = 1
    batch_size: int = 1
    min_runs: int = 100
    min_time_s: float = 1.0
    accuracy_images: int = 500
    timeout_s: float = 600.0

    def __post_init__(self) -> None:
        for name in ("min_time_s", "timeout_s"):
            if not math.isfinite(value := getattr(self, name)):
                raise UsageError(f"{name} is {value}; give a number of seconds")

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Job:
    """One artifact of one bundle."""

    bundle: Path
    manifest: Manifest
    artifact: Artifact


@dataclass(frozen=True)
class Plan:
    """Jobs in the order in which they run, and how they run."""

    jobs: tuple[Job, ...]
    settings: Settings


def make(paths: tuple[Path, ...], settings: Settings, engines: tuple[str, ...] = ()) -> Plan:
    """Turn paths into a plan.

    Args:
        paths: bundles, or artifacts inside bundles.
        settings: how to measure.
        engines: only artifacts of these engines; all if empty.

    Raises:
        BundleError: a path is neither, or its golden pack is corrupt.
        UsageError: no artifact is for one of ``engines``.
    """
    jobs = [job for path in paths for job in _jobs(path)]
    if unknown := [name for name in engines if name not in {j.artifact.engine for j in jobs}]:
        present = {job.artifact.engine for job in jobs}
        raise UsageError(
            f"no artifact here is for the engine {unknown[0]!r}. "
            f"{did_you_mean(unknown[0], present)}"
        )
    chosen = tuple(job for job in jobs if not engines or job.artifact.engine in engines)
    return Plan(chosen, settings)


def _jobs(path: Path) -> list[Job]:
    if path.is_file():
        bundle, only = path.resolve().parent, path.name
    elif path.is_dir():
        bundle, only = path, None
    else:
        raise BundleError(
            f"{path} does not exist. Give a bundle folder, or an artifact inside one."
        )
    content = manifest.read(bundle)
    artifacts = [a for a in content.artifacts if only in (None, a.file)]
    if only and not artifacts:
        raise BundleError(
            f"{path} is not an artifact of the bundle around it. "
            f"{did_you_mean(only, [a.file for a in content.artifacts])}"
        )
    if not artifacts:
        raise BundleError(f"{bundle} holds no artifact. Export it again.")
    return [Job(bundle, content, artifact) for artifact in artifacts]


def golden_pack(bundle: Path, content: Manifest) -> Path:
    """Return the bundle's golden pack after checking that it is whole and can be read.

    Raises:
        BundleError: it is missing, corrupt, or not for this model.
    """
    for record in content.files:
        if record.file == manifest.GOLDEN_FILE:
            path = manifest.verified(bundle, record)
            pack = golden.read(path)
            if (classes := pack.logits.shape[1]) != len(content.classes):
                raise BundleError(
                    f"{path} has {classes} logits an image, the model {len(content.classes)} "
                    "classes. Export the bundle again."
                )
            for artifact in content.artifacts:
                if pack.images.shape[1:] != artifact.input.shape[1:]:
                    raise BundleError(
                        f"{path} has images of {pack.images.shape[1:]}, {artifact.file} takes "
                        f"{artifact.input.shape[1:]}. Export the bundle again."
                    )
            return path
    raise BundleError(f"{bundle / manifest.FILE} names no {manifest.GOLDEN_FILE}. Export it again.")
