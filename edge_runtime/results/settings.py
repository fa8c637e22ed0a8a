"""How a run measures each artifact: part of its results."""

from dataclasses import dataclass, field

from edge_runtime.documents.strict import Count, Positive
from edge_runtime.errors import UsageError
from edge_runtime.results.budget import Budget
from edge_runtime.results.needs import Needs

MOST_THREADS = 1024
"""More than the CPUs of any board: an engine tries to start as many as it is told."""

MOST_BATCH = 65_536
"""Images a call: more than any device has the memory for."""

MOST_ROUNDS = 10_000
"""Some hours: each starts a process a row."""

MOST_RUNS = 10_000_000
"""Samples of a row: as many as a results file has room for."""

MOST_IMAGES = 1_000_000
"""Golden images: more than any pack holds."""

SHORTEST_SUSTAINED_S = 3.0
"""A sustained load of fewer bins shows no course."""

MOST_FPS = 10_000
"""A sleep wakes up some 0.1 ms late: nothing is paced more finely."""

LONGEST_S = 1_000_000
"""No wait is longer, some eleven days: the system counts it in 32 bits of ms."""


@dataclass(frozen=True)
class Settings:
    """How each artifact is measured.

    Attributes:
        threads: counts of threads the engine may use, a row each.
        batch_sizes: images a call, a row each.
        cpus: the CPUs that a measuring process is pinned to; all that it may use if empty.
        rounds: so many fresh processes a row, in rounds through all rows.
        min_runs: at least so many timed samples a row, over all rounds.
        min_time_s: and at least so many seconds of them.
        max_time_s: but no more seconds than this.
        cooldown_s: pause before each process.
        accuracy_images: golden images for top-1; the pack is used up to its end.
        accuracy_data: name and hash of the file with other images for top-1, if one was given.
        timeout_s: seconds after which a process is killed.
        seed: of the order of the rows within each round.
        needs: what a row has to be to be recommended.
        energy: whether the energy of an inference is measured, after the rounds.
        budget: limits that each row is held to.
        commit: of what is measured, as its user names it; empty if nobody did.
        sustained_s: how long each row is kept under load, after the rounds; 0 where it is not.
        at_fps: images a second of that load; 0 where a call follows the other.
        emulated: whether the CPU is emulated, so that neither latency nor memory say anything.
        profile: whether each row's operators are profiled.
    """

    threads: tuple[Positive, ...] = (1,)
    batch_sizes: tuple[Positive, ...] = (1,)
    cpus: tuple[Count, ...] = ()
    rounds: Positive = 10
    min_runs: Positive = 700
    min_time_s: float = 3.0
    max_time_s: float = 60.0
    cooldown_s: float = 0.0
    accuracy_images: Positive = 500
    accuracy_data: str = ""
    timeout_s: float = 600.0
    seed: int = 0
    needs: Needs = field(default_factory=Needs)
    energy: bool = False
    budget: Budget = field(default_factory=Budget)
    commit: str = ""
    sustained_s: float = 0.0
    at_fps: float = 0.0
    emulated: bool = False
    profile: bool = False

    def __post_init__(self) -> None:
        if not self.threads or not self.batch_sizes:
            raise UsageError("threads and batch_sizes each have to name one count or more")
        for number in self.threads:
            require_count("--threads", number, MOST_THREADS)
        for number in self.batch_sizes:
            require_count("--batch-size", number, MOST_BATCH)
        require_count("--rounds", self.rounds, MOST_ROUNDS)
        require_count("--min-runs", self.min_runs, MOST_RUNS)
        require_count("--accuracy-images", self.accuracy_images, MOST_IMAGES)
        for name in ("min_time_s", "max_time_s", "cooldown_s", "timeout_s"):
            if not 0 <= (value := getattr(self, name)) <= LONGEST_S:
                option = f"--{name.removesuffix('_s').replace('_', '-')}"
                raise UsageError(f"{option} is {value:g}.", f"Give 0 to {LONGEST_S:,} seconds.")
        if self.max_time_s < self.min_time_s:
            raise UsageError(
                f"--max-time {self.max_time_s:g} is less than --min-time {self.min_time_s:g}."
            )
        self._check_sustained()

    def _check_sustained(self) -> None:
        seconds, fps = self.sustained_s, self.at_fps
        if seconds and not SHORTEST_SUSTAINED_S <= seconds <= LONGEST_S:
            least, most = SHORTEST_SUSTAINED_S / 60, LONGEST_S // 60
            raise UsageError(
                f"--sustained is {seconds / 60:g}.", f"Give {least:g} to {most:,} minutes."
            )
        if fps and not seconds:
            raise UsageError(
                f"--at-fps {fps:g} is the rate of a sustained load, and none is asked for.",
                f"Give --sustained MINUTES too, as in --sustained 30 --at-fps {fps:g}.",
            )
        if not 0 <= fps <= MOST_FPS:
            raise UsageError(f"--at-fps is {fps:g}.", f"Give up to {MOST_FPS:,} images a second.")
        if fps and fps * seconds < max(self.batch_sizes):
            raise UsageError(
                f"--at-fps {fps:g} comes to less than one call in {seconds / 60:g} minutes.",
                "Raise one of them, or lower --batch-size.",
            )

    @property
    def extras(self) -> tuple[str, ...]:
        """What else is measured of each row, after its rounds: names of the row's fields."""
        asked = {
            "energy": self.energy,
            "profile": self.profile,
            "sustained": bool(self.sustained_s),
        }
        return tuple(name for name, wanted in asked.items() if wanted)


def require_count(name: str, number: int, most: int) -> None:
    """Refuse a number that makes no sense.

    Args:
        name: what it is the number of.
        number: as it was given.
        most: the largest that makes sense.

    Raises:
        UsageError: it is below 1, or above that.
    """
    if not 1 <= number <= most:
        raise UsageError(f"{name} is {number}.", f"Give 1 to {most:,}.")
