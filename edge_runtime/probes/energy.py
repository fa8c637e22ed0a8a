"""Energy used by the processor package, where a counter exists: Intel/AMD RAPL under powercap.

There is no estimate from a CPU's rated power here: where no counter can be read, the energy is
unknown, and the reason is said.

Source: the kernel's Documentation/power/powercap/powercap.rst (energy_uj, max_energy_range_uj).
"""

from pathlib import Path

from edge_runtime.probes import Reading

POWERCAP = Path("/sys/class/powercap")
DEVICE_TREE_MODEL = Path("/proc/device-tree/model")


def counter_uj(powercap: Path = POWERCAP, board: Path = DEVICE_TREE_MODEL) -> Reading[int]:
    """Return the package's energy counter in µJ. It wraps: see ``used_uj``."""
    zone = powercap / "intel-rapl:0" / "energy_uj"
    try:
        return Reading(int(zone.read_text()), str(zone))
    except PermissionError:
        return Reading(None, str(zone), "the RAPL counter is readable by root only")
    except (OSError, ValueError):
        return Reading(None, str(zone), _why_none(board))


def used_uj(before: int, after: int, powercap: Path = POWERCAP) -> int:
    """Return the energy between two counter values in µJ, across at most one wrap."""
    if after >= before:
        return after - before
    limit = int((powercap / "intel-rapl:0" / "max_energy_range_uj").read_text())
    return after + limit - before


def _why_none(board: Path) -> str:
    try:
        name = board.read_text(encoding="utf-8", errors="replace").rstrip("\0\n")
    except OSError:
        return (
            "no RAPL counter: the kernel exposes none on this machine (virtual machines, "
            "containers and most boards have none); measure at the plug or with a USB meter"
        )
    return f"{name} has no RAPL counter; measure with a USB-C power meter"
