"""What is going to be measured: which artifacts, in which order, and how."""

import os
import random
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from edge_runtime.bundle import manifest
from edge_runtime.bundle.manifest import Artifact, Manifest
from edge_runtime.errors import BundleError, UsageError, did_you_mean
from edge_runtime.results.settings import Settings


@dataclass(frozen=True)
class Job:
    """One artifact of one bundle, at one batch size and thread count; ``name`` is the bundle's."""

    bundle: Path
    manifest: Manifest
    artifact: Artifact
    batch_size: int = 1
    threads: int = 1
    name: str = ""


@dataclass(frozen=True)
class Plan:
    """What is measured, and how.

    Attributes:
        jobs: a row each, in the order in which tables show them.
        settings: how each is measured.
        accuracy_data: the file with other images for top-1; see ``accuracy_data.find``.
        problems: what is wrong with paths that are therefore left out, a sentence each.
    """

    jobs: tuple[Job, ...]
    settings: Settings
    accuracy_data: Path | None = None
    problems: tuple[str, ...] = ()

    def order(self, round_number: int) -> list[int]:
        """Return the positions of the jobs in the random order of a round, the same every time."""
        draw = random.Random(f"{self.settings.seed}:{round_number}")
        return draw.sample(range(len(self.jobs)), len(self.jobs))


def make(
    paths: tuple[Path, ...],
    settings: Settings,
    engines: tuple[str, ...] = (),
    accuracy_data: Path | None = None,
) -> Plan:
    """Turn paths into a plan.

    A broken bundle beside good ones becomes one of the plan's problems.

    Args:
        paths: bundles, or artifacts inside bundles.
        settings: how to measure.
        engines: only artifacts of these engines; all if empty.
        accuracy_data: a file that ``accuracy_data.find`` found.

    Raises:
        BundleError: no path is a bundle or an artifact of one.
        UsageError: no artifact is for one of ``engines``, or a CPU to be pinned to is not there.
    """
    _check_cpus(settings.cpus)
    found: list[tuple[Path, Manifest, Artifact]] = []
    problems: list[BundleError] = []
    for path in paths:
        try:
            found += _artifacts(path)
        except BundleError as error:
            problems.append(error)
        except OSError as error:
            problems.append(BundleError(f"cannot read {str(path)[:100]}: {error.strerror}."))
    if not found:
        raise problems[0]
    present = {artifact.engine for _, _, artifact in found}
    if unknown := [name for name in engines if name not in present]:
        raise UsageError(
            f"no artifact here is for the engine {unknown[0]!r}. "
            f"{did_you_mean(unknown[0], present)}"
        )
    sizes = list(product(settings.batch_sizes, settings.threads))
    jobs = tuple(
        Job(*one, batch_size, threads, name)
        for one, name in zip(found, _names(found), strict=True)
        if not engines or one[2].engine in engines
        for batch_size, threads in sizes
    )
    return Plan(jobs, settings, accuracy_data, tuple(map(str, problems)))


def _names(found: list[tuple[Path, Manifest, Artifact]]) -> list[str]:
    """Return what each artifact's bundle is called: no artifact is there twice under one name.

    A bundle that is given twice, or another of the same folder name, is told apart by a number.
    """
    names: list[str] = []
    taken: set[tuple[str, str]] = set()
    folders: dict[str, Path] = {}
    for bundle, _, artifact in found:
        folder, name, number = bundle.resolve(), bundle.resolve().name, 1
        while folders.setdefault(name, folder) != folder or (name, artifact.file) in taken:
            number += 1
            name = f"{folder.name}#{number}"
        taken.add((name, artifact.file))
        names.append(name)
    return names


def _check_cpus(cpus: tuple[int, ...]) -> None:
    if not cpus:
        return
    if not hasattr(os, "sched_getaffinity"):
        raise UsageError("--cpus: this system cannot pin a process to CPUs")
    allowed = os.sched_getaffinity(0)
    if missing := sorted(set(cpus) - allowed):
        raise UsageError(
            f"--cpus: no CPU {missing[0]} here; this process may use "
            f"{', '.join(map(str, sorted(allowed)))}"
        )


def _artifacts(path: Path) -> list[tuple[Path, Manifest, Artifact]]:
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
    return [(bundle, content, artifact) for artifact in artifacts]
