"""Energy: counters of joules and sensors of watts, one kind a file; never an estimate.

A kind's file has ``find``, which returns a ``Source``, or why one that is there cannot be read, or
None where there is none. A meter that this package does not know is one file too, in a package of
its own: ``meters.py`` says how.

source.py       what a source is: it is sampled, and says what it covers
rapl.py         counters of Intel's and AMD's processors
pmic.py         the power chip of a Raspberry Pi 5
hwmon.py        INA219, INA226, INA3221 and their kin; Jetsons
battery.py      what flows out of a laptop's battery
meters.py       meters that other packages bring, as a USB meter
absence.py      why there is no source, and what to buy or enable
counter.py      a counter that begins again at 0 when it is full
sampler.py      a thread that reads a source while something else works
integration.py  from samples to joules
"""

from collections.abc import Callable
from pathlib import Path

from edge_runtime.probes import ROOT, Reading
from edge_runtime.probes.energy import absence, battery, hwmon, meters, pmic, rapl
from edge_runtime.probes.energy.integration import integrate
from edge_runtime.probes.energy.sampler import Sampler
from edge_runtime.probes.energy.source import Sample, Source

__all__ = ["ROOT", "Sample", "Sampler", "Source", "describe", "find", "integrate"]

KINDS: tuple[Callable[[Path], Reading[Source] | None], ...] = (
    meters.find,
    pmic.find,
    hwmon.find,
    rapl.find,
    battery.find,
)
"""Asked in this order: what somebody connected for it, what measures more of the board, and what is
renewed more often, come first."""


def find(root: Path = ROOT) -> Reading[Source]:
    """Return the best source of this machine, or why there is none and what to do about it.

    Args:
        root: where /proc and /sys are.
    """
    reasons = {}
    for look in KINDS:
        reading = look(root)
        if reading and reading.value is not None:
            return reading
        if reading:
            reasons[reading.source] = reading.reason
    if reasons:
        return Reading(None, ", ".join(reasons), "; ".join(reasons.values()))
    where = root / "sys/class"
    return Reading(None, f"{where}/{{powercap,hwmon,power_supply}}", absence.explain(root))


def describe(root: Path = ROOT) -> Reading[str]:
    """Return the name of that source, or why there is none."""
    found = find(root)
    return Reading(found.value.name if found.value else None, found.source, found.reason)
