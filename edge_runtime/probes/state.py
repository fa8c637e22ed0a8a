"""The machine's state at one moment: every probe of it, read one after the other.

Nothing is judged here: whoever measures compares the state before with the state after.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from edge_runtime.documents.strict import Bounds, Count
from edge_runtime.probes import (
    ROOT,
    Reading,
    cpufreq,
    load,
    memory,
    power,
    scheduling,
    thermal,
    throttle,
    virtualisation,
)
from edge_runtime.probes.thermal import HIGHEST_CELSIUS, LOWEST_CELSIUS


@dataclass(frozen=True)
class State:
    """The machine's state at one moment: what each probe read; None where it is unknown.

    Attributes:
        fixed_work_ns: how long the fixed work took (``clock``), which is no probe: it takes time.
    """

    governor: str | None = None
    frequency_hz: Count | None = None
    temperature_celsius: Annotated[float, Bounds(LOWEST_CELSIUS, HIGHEST_CELSIUS)] | None = None
    firmware_flags: Count | None = None
    cpu_throttle_events: Count | None = None
    quota_throttle_events: Count | None = None
    load_1min: Annotated[float, Bounds(0, 1e9)] | None = None
    steal_ticks: Count | None = None
    busy_ticks: Count | None = None
    total_ticks: Count | None = None
    oom_kills: Count | None = None
    queue_wait_ns: Count | None = None
    involuntary_switches: Count | None = None
    major_faults: Count | None = None
    swapped_bytes: Count | None = None
    power_source: str | None = None
    virtualisation: str | None = None
    cpu_ns: Count | None = None
    monotonic_ns: Count | None = None
    fixed_work_ns: Count | None = None


PROBES: dict[str, Callable[[Path], Reading[Any]]] = {
    "governor": cpufreq.governor,
    "frequency_hz": cpufreq.frequency_hz,
    "temperature_celsius": thermal.temperature_celsius,
    "firmware_flags": throttle.firmware_flags,
    "cpu_throttle_events": throttle.cpu_events,
    "quota_throttle_events": throttle.quota_events,
    "load_1min": load.load_1min,
    "steal_ticks": load.steal_ticks,
    "busy_ticks": load.busy_ticks,
    "total_ticks": load.total_ticks,
    "oom_kills": load.oom_kills,
    "queue_wait_ns": scheduling.queue_wait_ns,
    "involuntary_switches": lambda _root: scheduling.involuntary_switches(),
    "major_faults": lambda _root: scheduling.major_faults(),
    "swapped_bytes": lambda root: memory.swapped_bytes(root / "proc/self"),
    "power_source": power.power_source,
    "virtualisation": virtualisation.virtualisation,
    "cpu_ns": lambda _root: Reading(time.process_time_ns(), "time.process_time_ns"),
    "monotonic_ns": lambda _root: Reading(time.perf_counter_ns(), "time.perf_counter_ns"),
}

# What counts up all the time, the timers nearest to what is measured: the reading of the others (a
# command may be among them) is not to be counted as part of that.
NEAREST = (
    "steal_ticks",
    "busy_ticks",
    "total_ticks",
    "queue_wait_ns",
    "major_faults",
    "involuntary_switches",
    "cpu_ns",
    "monotonic_ns",
)


# What is of this process and not of the machine.
_OWN = {
    "queue_wait_ns",
    "involuntary_switches",
    "major_faults",
    "swapped_bytes",
    "cpu_ns",
    "monotonic_ns",
}


def read_machine(root: Path = ROOT) -> dict[str, Reading[Any]]:
    """Read the probes of the machine alone, by name.

    What cannot be read of this process cannot be of others either: it is there with its reason.
    """
    readings = {name: probe(root) for name, probe in PROBES.items()}
    return {n: r for n, r in readings.items() if n not in _OWN or r.value is None}


def read(root: Path = ROOT, *, closing: bool = False) -> dict[str, Reading[Any]]:
    """Read every probe once.

    Args:
        root: where proc and sys are.
        closing: whether this is the reading after something was measured: ``NEAREST`` is then read
            first, and else last.
    """
    others = [name for name in PROBES if name not in NEAREST]
    order = (*reversed(NEAREST), *others) if closing else (*others, *NEAREST)
    readings = {name: PROBES[name](root) for name in order}
    return {name: readings[name] for name in PROBES}


def read_nearest(root: Path = ROOT, *, closing: bool = False) -> State:
    """Return ``NEAREST`` alone, for what is too short to read every probe around it.

    Args:
        root: where proc and sys are.
        closing: whether this is the reading after something was measured.
    """
    order = reversed(NEAREST) if closing else NEAREST
    return State(**{name: PROBES[name](root).value for name in order})


def values(readings: Mapping[str, Reading[Any]], fixed_work_ns: int | None = None) -> State:
    """Return the values alone."""
    known = {name: reading.value for name, reading in readings.items()}
    return State(**known, fixed_work_ns=fixed_work_ns)
