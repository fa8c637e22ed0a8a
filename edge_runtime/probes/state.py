"""The machine's state at one moment: every probe of it, read one after the other.

Nothing is judged here: whoever measures compares the state before with the state after.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

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


def of_machine(root: Path = ROOT) -> dict[str, dict[str, Any]]:
    """Return what is of the machine alone, described, as JSON values.

    What cannot be read of this process cannot be of others either: it is there with its reason.
    """
    found = {name: probe(root) for name, probe in PROBES.items()}
    known = {n: r for n, r in found.items() if n not in _OWN or r.value is None}
    return described(known)


def read(root: Path = ROOT, *, closing: bool = False) -> dict[str, Reading[Any]]:
    """Read every probe once.

    Args:
        root: where proc and sys are.
        closing: whether this is the reading after something was measured: ``NEAREST`` is then read
            first, and else last.
    """
    others = [name for name in PROBES if name not in NEAREST]
    order = (*reversed(NEAREST), *others) if closing else (*others, *NEAREST)
    found = {name: PROBES[name](root) for name in order}
    return {name: found[name] for name in PROBES}


def values(readings: Mapping[str, Reading[Any]]) -> dict[str, Any]:
    """Return the values alone, as JSON values; None where unknown."""
    return {name: reading.value for name, reading in readings.items()}


def described(readings: Mapping[str, Reading[Any]]) -> dict[str, dict[str, Any]]:
    """Return each value with its source and the reason why there is none, as JSON values."""
    return {
        name: {"value": reading.value, "source": reading.source, "reason": reading.reason}
        for name, reading in readings.items()
    }
