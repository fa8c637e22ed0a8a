"""The fastest settings of an engine for an artifact on this device, within a budget of time.

One setting is changed at a time. All candidates take turns in rounds, the engine's defaults among
them, a new process each; what is faster with its whole interval is kept, and what is kept is
measured together against the defaults once more. Half of the time goes to each.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from edge_runtime import engines
from edge_runtime.bundle import tuned
from edge_runtime.bundle.tuned import Entry
from edge_runtime.measure import runner
from edge_runtime.measure.plan import Job, Plan
from edge_runtime.measure.runner import Start
from edge_runtime.results.statistics import Estimate, paired_ratio

ROUNDS = 5
"""At least so many: a ratio's interval is drawn from them."""

_SAMPLES = 30
_TURN_S = 0.2
Candidate = tuple[tuple[str, str], ...]
"""Settings that are not the defaults: names and values."""

_DEFAULTS: Candidate = ()


@dataclass(frozen=True)
class Tuned:
    """What came of a job.

    Attributes:
        job: as it was planned.
        entry: what is kept of it.
        tried: how many settings were measured beside the defaults.
    """

    job: Job
    entry: Entry
    tried: int


def tune(
    plan: Plan,
    budget_s: float,
    start: Start = runner.standard,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Tuned]:
    """Yield what is fastest for each job whose engine has settings.

    Args:
        plan: what will be measured.
        budget_s: seconds for all of it. A job takes ``ROUNDS`` rounds however few there are.
        start: the command of the measuring process.
        clock: seconds.
    """
    jobs = [job for job in plan.jobs if not job.knobs and engines.knobs(job.engine)]
    begin = clock()
    for number, job in enumerate(jobs, 1):
        search = _Search(plan, job, start, clock)
        yield search.run(begin + budget_s * number / len(jobs))


def describe(one: Tuned) -> str:
    """Return what came of a job, as a clause."""
    if not one.entry.speed:
        return f"no setting of {one.tried} is shown to be faster than the defaults"
    chosen = ", ".join(f"{name} {value}" for name, value in sorted(one.entry.knobs.items()))
    return f"{Estimate(*one.entry.speed)} times as fast with {chosen}"


class _Search:
    """The search for one job."""

    def __init__(self, plan: Plan, job: Job, start: Start, clock: Callable[[], float]) -> None:
        few = replace(
            plan.settings,
            rounds=1,
            min_runs=_SAMPLES,
            min_time_s=_TURN_S,
            max_time_s=max(_TURN_S, 1.0),
        )
        self._plan = replace(plan, settings=few)
        self._job, self._start, self._clock = job, start, clock

    def run(self, deadline: float) -> Tuned:
        """Search until a moment of the clock."""
        single: list[Candidate] = [
            ((name, value),)
            for name, values in sorted(engines.knobs(self._job.engine).items())
            for value in values[1:]
        ]
        half = self._clock() + (deadline - self._clock()) / 2
        faster = _best_of_each(self._ratios(single, half))
        best, speed = _DEFAULTS, None
        if faster:
            together: Candidate = tuple(sorted(setting for one in faster for setting in one))
            candidates = list(dict.fromkeys([together, max(faster, key=lambda c: faster[c].value)]))
            again = _proven(self._ratios(candidates, deadline))
            if again:
                best = max(again, key=lambda candidate: again[candidate].value)
                speed = again[best]
        job = self._job
        entry = tuned.entry(job.artifact, job.engine, job.threads, job.batch_size)
        values = (speed.value, speed.low, speed.high) if speed else ()
        return Tuned(job, replace(entry, knobs=dict(best), speed=values), len(single))

    def _ratios(self, candidates: list[Candidate], until: float) -> dict[Candidate, Estimate]:
        """Return how many times as fast as the defaults each candidate is.

        One that fails has no ratio.
        """
        medians: dict[Candidate, list[float]] = {one: [] for one in (_DEFAULTS, *candidates)}
        draw = random.Random(0)
        done = 0
        while done < ROUNDS or self._clock() < until:
            for candidate in draw.sample(list(medians), len(medians)):
                median = self._turn(dict(candidate))
                if median is not None:
                    medians[candidate].append(median)
                elif candidate != _DEFAULTS:
                    del medians[candidate]
                else:
                    return {}
            done += 1
        defaults = medians.pop(_DEFAULTS)
        return {one: paired_ratio(defaults, own) for one, own in medians.items()}

    def _turn(self, knobs: Mapping[str, str]) -> float | None:
        """Return the median of one process's calls; None where it did not come to its end."""
        answer = runner.ask(self._plan, replace(self._job, knobs=knobs), self._start, 1)
        return answer.turn.median_ns if answer.turn else None


def _proven(ratios: dict[Candidate, Estimate]) -> dict[Candidate, Estimate]:
    return {one: ratio for one, ratio in ratios.items() if ratio.low > 1}


def _best_of_each(ratios: dict[Candidate, Estimate]) -> dict[Candidate, Estimate]:
    """Return the fastest value of each setting that is shown to be faster than the defaults."""
    best: dict[str, Candidate] = {}
    for one, ratio in _proven(ratios).items():
        ((name, _),) = one
        if name not in best or ratio.value > ratios[best[name]].value:
            best[name] = one
    return {one: ratios[one] for one in best.values()}
