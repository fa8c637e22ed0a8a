"""Interleave the timing of several sessions, so that their ratio is not a ratio of two moments.

Each subject lives in a child process of its own, one engine in it. A round goes through the
subjects in random order, and times a stretch of single calls of each. The machine's drift meets all
subjects of a round alike, and cancels in the ratio of their medians, which is paired by round.

Children that are started afresh between rounds put what differs from process to process (where
memory lies, how threads are placed) into the interval as well.

A machine that is busy with something else biases the ratio, and no interval knows of it: short
calls fit between two preemptions, long ones do not. So every stretch is taken between two readings
of the machine's state, by the probes of ``edge-bench``.
"""

import random
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cifarq_export.check.conversation import Conversation
from edge_runtime import locks
from edge_runtime.bundle.manifest import FileRecord
from edge_runtime.documents.strict import Positive
from edge_runtime.files import sha256_of
from edge_runtime.measure import child
from edge_runtime.probes.state import State
from edge_runtime.results import changes
from edge_runtime.results.rules import WAIT_SHARE
from edge_runtime.results.statistics import Estimate, paired_ratio, percentile

ENGINE_LOADER = "cifarq_export.check.interleaving_worker:engine_session"


@dataclass(frozen=True)
class Subject:
    """What is timed.

    Attributes:
        arguments: for the loader; JSON values.
        loader: ``module:function``, called in the child; returns batch -> logits.
    """

    arguments: dict[str, Any]
    loader: str = ENGINE_LOADER


def artifact(engine: str, path: Path, precision: str = "fp32", threads: int = 1) -> Subject:
    """Return the subject for an artifact that was just written: what its file holds now."""
    record = FileRecord(path.name, path.stat().st_size, sha256_of(path))
    where = {"folder": str(path.resolve().parent), "record": asdict(record)}
    return Subject({"engine": engine, **where, "threads": threads, "precision": precision})


@dataclass(frozen=True)
class Stretch:
    """Calls of one subject, one after the other.

    Attributes:
        samples_ns: the duration of each.
        before, after: the machine's state around them.
    """

    samples_ns: tuple[Positive, ...]
    before: State = field(default_factory=State)
    after: State = field(default_factory=State)

    @property
    def median_ns(self) -> float:
        """The median duration of a call."""
        return percentile(self.samples_ns, 50)


@dataclass(frozen=True)
class Loaded:
    """A child's answer where its subject is ready to be timed."""


@dataclass(frozen=True)
class Stretches:
    """The stretches of each subject, by name.

    Stretches of one index belong to one round, whichever the subject.
    """

    of: dict[str, list[Stretch]]

    def speed(self, name: str, reference: str) -> Estimate:
        """Return how many times as fast as ``reference`` a subject is, with a 95 % interval.

        The unit is the round: a ratio of two stretches' medians. At least 2 rounds are needed.
        """
        own, other = self.medians_ns(name), self.medians_ns(reference)
        return paired_ratio(other, own)

    def medians_ns(self, name: str) -> list[float]:
        """Return the median of each stretch."""
        return [stretch.median_ns for stretch in self.of[name]]

    def lost_time(self, name: str) -> str:
        """Say how much time a subject of one thread lost to others.

        Empty below what makes a row of ``edge-bench`` INVALID.
        """
        limit = WAIT_SHARE[1]
        if (waited := changes.wait_share(self.of[name], threads=1) or 0) >= limit:
            return f"waited {100 * waited:.0f} % of the time"
        if (stolen := changes.steal_share(self.of[name]) or 0) >= limit:
            return f"the hypervisor took {100 * stolen:.0f} % of the CPU time"
        return ""


def interleave(
    subjects: Mapping[str, Subject],
    batch: NDArray[Any],
    *,
    rounds: int,
    stretch_s: float,
    restarts: int = 1,
    threads: int = 1,
    seed: int = 0,
    progress: Callable[[int, int], object] = lambda stretches, total: None,
) -> Stretches:
    """Time the subjects, interleaved.

    Args:
        subjects: by name; at least one.
        batch: what every call is given.
        rounds: so many for each start of the children.
        stretch_s: minimum total time of a stretch's calls, in seconds; never fewer than 5 calls.
        restarts: how often the children are started.
        threads: for libraries that look at the environment.
        seed: of the order within the rounds.
        progress: called with the number of stretches done since the last call, and of all.

    Raises:
        EngineError: a child ended or failed.
    """
    draw = random.Random(seed)
    stretches = Stretches({name: [] for name in subjects})
    total = restarts * rounds * len(subjects)
    for _ in range(restarts):
        with ExitStack() as stack:
            children = _start(subjects, batch, threads, stack)
            for _ in range(rounds):
                for name in draw.sample(list(subjects), len(subjects)):
                    stretch = children[name].ask({"stretch_s": stretch_s}, Stretch)
                    stretches.of[name].append(stretch)
                    progress(1, total)
    return stretches


def _start(
    subjects: Mapping[str, Subject], batch: NDArray[Any], threads: int, stack: ExitStack
) -> dict[str, Conversation]:
    """Start a child for each subject, and let it load the subject; they end with the stack."""
    batch_file = stack.enter_context(locks.scratch()) / "batch.npy"
    np.save(batch_file, batch)
    worker = child.command("cifarq_export.check.interleaving_worker")
    children = {name: stack.enter_context(Conversation(worker, threads)) for name in subjects}
    for name, subject in subjects.items():
        request = {"loader": subject.loader, "arguments": subject.arguments}
        children[name].ask({"load": request, "batch": str(batch_file)}, Loaded)
    return children
