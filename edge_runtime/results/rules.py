"""What makes a row doubtful: each rule looks at one cause, and gives its figure and a remedy.

Every threshold was fixed before the tool was measured with it, and none is an option. What cannot
be read judges nothing: the fixed work sees a lowered clock on every board.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from statistics import fmean, median_low, stdev

from edge_runtime.probes.state import State
from edge_runtime.probes.throttle import Firmware
from edge_runtime.results import changes
from edge_runtime.results.rows import Results, Row, Status
from edge_runtime.results.turns import Turn

WAIT_SHARE = (0.02, 0.20)
"""Share of the timed stretches spent waiting for a CPU, or taken by the hypervisor: SUSPECT from
the first, INVALID from the second. A latency is longer by as much, and 2 % is the error that this
tool allows itself against a plain loop (0.98-1.02)."""

OTHERS_CPUS = 0.2
"""CPUs' worth of time used by other processes: more than an idle system's housekeeping, less than
one busy process. sbc-bench waits before it measures until the load average is 0.1 or less."""

CLOCK_SHARE = (0.05, 0.20)
"""How much longer than at its best the fixed work may take: in the worst round half of pyperf's
limit for a stable benchmark (below), else SUSPECT; in the middle one a fifth, which is more than
many an engine is ahead of another, else INVALID. Throttling lowers the clock by such steps."""

SPREAD = 0.10
"""Standard deviation of the rounds' medians over their mean. Source: `pyperf check`, for which a
benchmark may be unstable where this is 10 % of the mean or more."""

SHORTEST_TURN_NS = 30_000_000
"""Turns shorter than three of the kernel's ticks (on average) are not judged by counts of ticks."""

SWITCHES_PER_S = 10
"""Involuntary context switches a second, judged only where the time spent waiting is unknown: a
process alone on its CPU is hardly ever preempted, one that shares it every few ms."""

LOST_TIME = frozenset({"emulated", "limited by a CPU quota", "clock", "waiting", "steal"})
"""Kinds of reasons that, where they make a row INVALID, leave no ratio of its times to show. Short
calls fit between two interruptions and long ones do not: the ratio is biased, and its interval,
which knows of the rounds' spread alone, may be narrow all the same. Seen on a busy machine: static
INT8 of resnet10t at 11.75 [10.17, 13.58] times FP32, and at 2.5 by CPU time."""


class Grade(IntEnum):
    """How far a number may be believed; the higher, the less."""

    VALID = 0
    SUSPECT = 1
    INVALID = 2


@dataclass(frozen=True)
class Reason:
    """Why a number is not valid.

    Attributes:
        grade: how bad it is.
        kind: what it is of; one line of a run's verdict stands for all rows that have it.
        text: what happened, with its figure, and the next step.
        size: the figure, to find the worst of several rows by.
    """

    grade: Grade
    kind: str
    text: str
    size: float = 0.0


@dataclass(frozen=True)
class Run:
    """What rules look at beside the row.

    Attributes:
        results: the whole run.
        clock_ns: the fixed work's best time in it; None where it is unknown.
    """

    results: Results
    clock_ns: int | None


def _status(row: Row, run: Run) -> Iterator[Reason]:
    if row.status is not Status.OK:
        yield Reason(Grade.INVALID, f"{row.status} {row.file}", row.outcome)


def _rounds(row: Row, run: Run) -> Iterator[Reason]:
    asked, done = run.results.settings.rounds, len(row.turns)
    if row.status.goes_on and done < asked:
        text = f"{done} of {asked} rounds were measured: go on with --resume, or measure again"
        yield Reason(Grade.SUSPECT, "unfinished", text)
    elif row.status.goes_on and done == 1:
        yield Reason(
            Grade.SUSPECT,
            "one round",
            "one round gives no confidence interval: measure with --rounds 10",
        )


def _samples(row: Row, run: Run) -> Iterator[Reason]:
    settings = run.results.settings
    finished = len(row.turns) >= settings.rounds
    if finished and row.sample_count < settings.min_runs:
        yield Reason(
            Grade.SUSPECT,
            "few samples",
            f"--max-time {settings.max_time_s:g} stopped the row after {row.sample_count:,} of "
            f"{settings.min_runs:,} samples: raise it, or lower --min-runs",
        )


def _warm_up(row: Row, run: Run) -> Iterator[Reason]:
    if unsettled := [turn.round for turn in row.turns if not turn.settled]:
        yield Reason(
            Grade.SUSPECT,
            "warm-up",
            f"latency was still changing after the warm-up in {_rounds_text(unsettled)}: stop "
            "other programs, or let the device cool with --cooldown 60",
        )


def _firmware(row: Row, run: Run) -> Iterator[Reason]:
    remedies = {
        Firmware.UNDER_VOLTAGE: ("under-voltage", Grade.INVALID, "use a stronger power supply"),
        Firmware.THROTTLED: ("throttled", Grade.INVALID, "add cooling, or --cooldown 60"),
        Firmware.FREQUENCY_CAPPED: ("frequency capped", Grade.SUSPECT, "add cooling and power"),
        Firmware.SOFT_TEMPERATURE_LIMIT: (
            "soft temperature limit",
            Grade.SUSPECT,
            "add cooling, or --cooldown 60",
        ),
    }
    for flag, (name, grade, remedy) in remedies.items():
        if met := [turn for turn in row.turns if changes.firmware(turn) & flag]:
            yield _throttled(met, grade, name, remedy)


def _throttle_events(row: Row, run: Run) -> Iterator[Reason]:
    for counter, name, remedy in (
        ("cpu_throttle_events", "throttled by the processor", "add cooling, or --cooldown 60"),
        ("quota_throttle_events", "limited by a CPU quota", "raise the container's CPU limit"),
    ):
        if met := [turn for turn in row.turns if (changes.change(turn, counter) or 0) > 0]:
            yield _throttled(met, Grade.INVALID, name, remedy)


def _throttled(met: list[Turn], grade: Grade, name: str, remedy: str) -> Reason:
    """Say what slowed the processor down, in which rounds, and how hot it was, if that is known."""
    hottest = max(changes.temperature_celsius(turn) or 0 for turn in met)
    heat = f" at {hottest:.0f} °C" if hottest else ""
    rounds = _rounds_text([turn.round for turn in met])
    return Reason(grade, name, f"{name}{heat} in {rounds}: {remedy}")


def _clock(row: Row, run: Run) -> Iterator[Reason]:
    lost = {turn.round: changes.slowest_clock(turn, run.clock_ns) or 0 for turn in row.turns}
    worst = max(lost, key=lambda number: lost[number], default=0)
    if not worst or lost[worst] < CLOCK_SHARE[0]:
        return
    # One slow round of ten is in the interval; most of them slow is another machine.
    grade = Grade.INVALID if median_low(lost.values()) >= CLOCK_SHARE[1] else Grade.SUSPECT
    count = sum(share >= CLOCK_SHARE[0] for share in lost.values())
    yield Reason(
        grade,
        "clock",
        f"a fixed calculation took up to {_percent(lost[worst])} longer than at its fastest "
        f"(round {worst}; {count} of {len(lost)} rounds): {_clock_remedy(row.turns[0].before)}",
        lost[worst],
    )


def _clock_remedy(state: State) -> str:
    governor = state.governor
    if governor not in (None, "performance"):
        return f"the governor is {governor}: set performance, or --cooldown 60"
    if "virtual machine" in (state.virtualisation or ""):
        return "another virtual machine may share the core: measure again, or on another host"
    return "stop other programs, or --cooldown 60"


def _waiting(row: Row, run: Run) -> Iterator[Reason]:
    share = changes.wait_share(row.turns, row.threads)
    if share is None:
        yield from _switches(row)
    elif grade := _graded(share, WAIT_SHARE):
        worst = max(row.turns, key=lambda turn: changes.wait_share([turn], row.threads) or 0)
        yield Reason(
            grade,
            "waiting",
            f"waited for a CPU {_percent(share)} of the time, most in round {worst.round}: stop "
            "other programs, or lower --threads",
            share,
        )


def _switches(row: Row) -> Iterator[Reason]:
    switches = changes.total(row.turns, "involuntary_switches")
    wall = changes.total(row.turns, "monotonic_ns")
    if switches is not None and wall and switches / (wall / 1e9) > SWITCHES_PER_S * row.threads:
        yield Reason(
            Grade.SUSPECT,
            "switches",
            f"was preempted {switches / (wall / 1e9):.0f} times a second: stop other programs",
        )


def _steal(row: Row, run: Run) -> Iterator[Reason]:
    share = changes.steal_share(row.turns) if _has_ticks(row) else None
    if share is not None and (grade := _graded(share, WAIT_SHARE)):
        yield Reason(
            grade,
            "steal",
            f"the hypervisor gave {_percent(share)} of the CPU time to other virtual machines: "
            "measure at another time, or on a machine without them",
            share,
        )


def _has_ticks(row: Row) -> bool:
    """Whether the turns are long enough for counters that tick a hundred times a second."""
    wall = changes.total(row.turns, "monotonic_ns")
    return wall is not None and wall >= SHORTEST_TURN_NS * len(row.turns)


def _others(row: Row, run: Run) -> Iterator[Reason]:
    if not _has_ticks(row):
        return
    used = changes.others_cpus(row.turns, run.results.host.ticks_per_s)
    if used is not None and used >= OTHERS_CPUS:
        yield Reason(
            Grade.SUSPECT,
            "others",
            f"other processes used {used:.1f} CPUs during the timing: stop them",
            used,
        )


def _threads(row: Row, run: Run) -> Iterator[Reason]:
    settings = run.results.settings
    cpus = len(settings.cpus) or run.results.host.cpus
    if cpus is not None and row.ran and row.threads > cpus:
        count = "1 CPU" if cpus == 1 else f"{cpus} CPUs"
        yield Reason(
            Grade.SUSPECT, "threads", f"{row.threads} threads share {count}: lower --threads"
        )


def _paging(row: Row, run: Run) -> Iterator[Reason]:
    if faults := [turn.round for turn in row.turns if (changes.change(turn, "major_faults") or 0)]:
        yield Reason(
            Grade.SUSPECT,
            "faults",
            f"memory was read from disk during the timing in {_rounds_text(faults)}: close other "
            "programs and measure again",
        )
    if swapped := max((turn.after.swapped_bytes or 0 for turn in row.turns), default=0):
        yield Reason(
            Grade.SUSPECT,
            "swap",
            f"{swapped / 1024:,.0f} KB of the process were in swap: close other programs, or lower "
            "--batch-size",
        )


def _power(row: Row, run: Run) -> Iterator[Reason]:
    if "battery" in {side.power_source for t in row.turns for side in (t.before, t.after)}:
        yield Reason(Grade.SUSPECT, "power", "ran on battery: plug the device in")


def _spread(row: Row, run: Run) -> Iterator[Reason]:
    medians = [turn.median_ns for turn in row.turns]
    if len(medians) > 1 and (share := stdev(medians) / fmean(medians)) >= SPREAD:
        yield Reason(
            Grade.SUSPECT,
            "spread",
            f"the rounds' medians spread by {_percent(share)}: stop other programs, or measure "
            "with more --rounds",
            share,
        )


def _emulated(row: Row, run: Run) -> Iterator[Reason]:
    if run.results.settings.emulated or run.results.host.emulated_on:
        yield Reason(
            Grade.INVALID,
            "emulated",
            "the CPU is emulated: latency and memory are not the device's: measure on the device",
        )


RULES: tuple[Callable[[Row, Run], Iterator[Reason]], ...] = (
    _status,
    _emulated,
    _rounds,
    _samples,
    _firmware,
    _throttle_events,
    _clock,
    _waiting,
    _steal,
    _others,
    _threads,
    _paging,
    _power,
    _warm_up,
    _spread,
)


def _graded(share: float, limits: tuple[float, float]) -> Grade:
    return Grade(sum(share >= limit for limit in limits))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _rounds_text(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"round {numbers[0]}"
    shown = ", ".join(map(str, numbers[:5]))
    return f"rounds {shown}" + (f" and {len(numbers) - 5} more" if len(numbers) > 5 else "")
