"""What happened on the machine while samples were taken: differences between two of its states.

Shares are of the CPU time that was wanted, so that they need neither a clock rate nor a count of
CPUs. None is said where one of the two readings is unknown.
"""

from collections.abc import Sequence
from typing import Protocol

from edge_runtime.probes.state import State
from edge_runtime.probes.throttle import Firmware

_NOW = (
    Firmware.UNDER_VOLTAGE
    | Firmware.THROTTLED
    | Firmware.FREQUENCY_CAPPED
    | Firmware.SOFT_TEMPERATURE_LIMIT
)
_SINCE_BOOT = 16  # a bit says that something is so now, the one so many further that it ever was


class Timed(Protocol):
    """Samples that were taken between two readings of the machine's state: a turn, a stretch."""

    @property
    def before(self) -> State:
        """The reading before."""

    @property
    def after(self) -> State:
        """The reading after."""


def change(turn: Timed, name: str) -> int | None:
    """Return by how much a counter rose, by its field's name; None where it is unknown."""
    before, after = getattr(turn.before, name), getattr(turn.after, name)
    return None if before is None or after is None else after - before


def total(turns: Sequence[Timed], name: str) -> int | None:
    """Return by how much a counter rose in all turns; None where it is unknown in any."""
    known = [rise for turn in turns if (rise := change(turn, name)) is not None]
    return sum(known) if turns and len(known) == len(turns) else None


def wait_share(turns: Sequence[Timed], threads: int) -> float | None:
    """Return the share of the timed stretches that the threads waited for a CPU, runnable."""
    return _share(total(turns, "queue_wait_ns"), total(turns, "monotonic_ns"), threads)


def steal_share(turns: Sequence[Timed]) -> float | None:
    """Return the share of the CPU time wanted by this machine that its host gave to others.

    Of several turns together: the counters tick a hundred times a second.
    """
    stolen, busy = total(turns, "steal_ticks"), total(turns, "busy_ticks")
    if stolen is None or busy is None or min(stolen, busy) < 0:  # fell: moved to another host
        return None
    return _share(stolen, stolen + busy)


def others_cpus(turns: Sequence[Timed], ticks_per_s: int | None) -> float | None:
    """Return how many CPUs' worth of time other processes used, on average."""
    busy, own = total(turns, "busy_ticks"), total(turns, "cpu_ns")
    wall = total(turns, "monotonic_ns")
    if busy is None or own is None or not wall or not ticks_per_s:
        return None
    return max(0.0, float((busy / ticks_per_s * 1e9 - own) / wall))


def slowest_clock(turn: Timed, reference_ns: int | None) -> float | None:
    """Return by what share the fixed work took longer than the reference, at its worst."""
    known = _fixed_works(turn)
    return (max(known) - reference_ns) / reference_ns if reference_ns and known else None


def fixed_work_ns(turns: Sequence[Timed]) -> int | None:
    """Return the fastest fixed work of several turns; None where none is known."""
    return min((known for turn in turns for known in _fixed_works(turn)), default=None)


def firmware(turn: Timed) -> Firmware:
    """Return what the firmware did: so before or after, or marked as past only since ``before``."""
    before, after = turn.before.firmware_flags, turn.after.firmware_flags
    fresh = 0 if before is None or after is None else (after & ~before) >> _SINCE_BOOT
    return Firmware((before or 0) | (after or 0) | fresh) & _NOW


def temperature_celsius(turn: Timed) -> float | None:
    """Return the higher of the two readings."""
    known = [side.temperature_celsius for side in (turn.before, turn.after)]
    return max((value for value in known if value is not None), default=None)


def _fixed_works(turn: Timed) -> list[int]:
    both = [side.fixed_work_ns for side in (turn.before, turn.after)]
    return [known for known in both if known is not None]


def _share(part: int | None, whole: int | None, times: int = 1) -> float | None:
    return None if part is None or not whole else max(0.0, float(part / (whole * times)))
