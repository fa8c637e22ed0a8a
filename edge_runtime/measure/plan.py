"""What is going to be measured: which artifacts on which engines, in which order, and how."""

import os
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

from edge_runtime import engines
from edge_runtime.bundle import tuned
from edge_runtime.bundle.location import artifacts_at
from edge_runtime.bundle.manifest import Artifact, Manifest
from edge_runtime.errors import BundleError, UsageError, did_you_mean
from edge_runtime.results.settings import Settings

Located = tuple[Path, Manifest, Artifact]
"""An artifact with the bundle that it lies in."""


@dataclass(frozen=True)
class Job:
    """One artifact on one engine, at one batch size and thread count.

    Attributes:
        bundle: its folder.
        manifest: the bundle's.
        artifact: what is run.
        engine: what runs it: a name in ``edge_runtime.engines``.
        batch_size: images a call.
        threads: of the engine.
        name: what the bundle is called; its folder's name if empty.
        knobs: the engine's settings, where they are not its defaults.
    """

    bundle: Path
    manifest: Manifest
    artifact: Artifact
    engine: str
    batch_size: int = 1
    threads: int = 1
    name: str = ""
    knobs: Mapping[str, str] = field(default_factory=dict)


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
    asked: tuple[str, ...] = (),
    accuracy_data: Path | None = None,
) -> Plan:
    """Turn paths into a plan.

    A broken bundle beside good ones becomes one of the plan's problems.

    Args:
        paths: bundles, or artifacts inside bundles.
        settings: how to measure.
        asked: run on these engines alone. If empty, on the engine that checked an artifact when it
            was exported, and on all others that read its format and are installed here.
        accuracy_data: a file that ``accuracy_data.find`` found.

    Raises:
        BundleError: no path is a bundle or an artifact of one.
        UsageError: no artifact is read by one of ``asked``, or a CPU to be pinned to is not there.
    """
    _check_cpus(settings.cpus)
    located: list[Located] = []
    problems: list[BundleError] = []
    for path in paths:
        try:
            bundle, content, artifacts = artifacts_at(path)
            located += [(bundle, content, artifact) for artifact in artifacts]
        except BundleError as error:
            problems.append(error)
    if not located:
        raise problems[0]
    _check_engines(asked, [artifact for _, _, artifact in located])
    jobs = [
        Job(*one, engine, batch_size, threads, name)
        for one, name in zip(located, _names(located), strict=True)
        for engine in _engines(one[2], asked)
        for batch_size, threads in product(settings.batch_sizes, settings.threads)
    ]
    return with_tuned(Plan(tuple(jobs), settings, accuracy_data, tuple(map(str, problems))))


def with_tuned(plan: Plan) -> Plan:
    """Return a plan in which each job is followed by itself with the settings of ``tuned.json``.

    Raises:
        BundleError: such a file is damaged.
    """
    plain = [job for job in plan.jobs if not job.knobs]
    return replace(plan, jobs=tuple(one for job in plain for one in _both(job)))


def _both(job: Job) -> Iterator[Job]:
    yield job
    if knobs := tuned.find(job.bundle, job.artifact, job.engine, job.threads, job.batch_size):
        yield replace(job, knobs=knobs)


def _engines(artifact: Artifact, asked: tuple[str, ...]) -> list[str]:
    """Return the engines that an artifact is run on, the one that checked it first."""
    reading = engines.reading(artifact.format)
    if asked:
        return [name for name in reading if name in asked]
    others = [name for name in reading if name != artifact.engine]
    return [artifact.engine, *filter(engines.is_installed, others)]


def _check_engines(asked: tuple[str, ...], artifacts: list[Artifact]) -> None:
    reading = {name for artifact in artifacts for name in engines.reading(artifact.format)}
    if unknown := [name for name in asked if name not in reading]:
        raise UsageError(
            f"no artifact here is read by an engine {unknown[0]!r}.",
            did_you_mean(unknown[0], reading),
        )


def _names(located: list[Located]) -> list[str]:
    """Return what each artifact's bundle is called: no artifact is there twice under one name.

    A bundle that is given twice, or another of the same folder name, is told apart by a number.
    """
    names: list[str] = []
    taken: set[tuple[str, str]] = set()
    folders: dict[str, Path] = {}
    for bundle, _, artifact in located:
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
            f"{', '.join(map(str, sorted(allowed)))}."
        )
