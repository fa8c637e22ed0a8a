"""This process's memory, resident now and at its peak, and what is free, from Linux's /proc.

``getrusage``'s ``ru_maxrss`` is not used: it inherits the parent's peak across fork and exec.

Source: proc(5): VmRSS, VmHWM and VmSwap in /proc/[pid]/status, Pss in smaps_rollup, clear_refs;
MemAvailable in /proc/meminfo.
"""

from dataclasses import dataclass
from pathlib import Path

from edge_runtime.documents.strict import Count
from edge_runtime.probes import ROOT, Reading, count_of

SELF = Path("/proc/self")


@dataclass(frozen=True)
class Stage:
    """A process's memory at one moment; None where it is unknown.

    Attributes:
        resident_bytes: the resident set.
        proportional_bytes: the same with shared pages divided among their sharers.
    """

    resident_bytes: Count | None = None
    proportional_bytes: Count | None = None


def resident_bytes(process: Path = SELF) -> Reading[int]:
    """Return the resident set now (VmRSS), in bytes."""
    return _field(process / "status", "VmRSS")


def peak_bytes(process: Path = SELF) -> Reading[int]:
    """Return the largest resident set so far (VmHWM), in bytes."""
    return _field(process / "status", "VmHWM")


def proportional_bytes(process: Path = SELF) -> Reading[int]:
    """Return the resident set with shared pages divided among their sharers (PSS), in bytes."""
    return _field(process / "smaps_rollup", "Pss")


def stage(process: Path = SELF) -> Stage:
    """Return what is resident now, whole and with shared pages divided."""
    return Stage(resident_bytes(process).value, proportional_bytes(process).value)


def swapped_bytes(process: Path = SELF) -> Reading[int]:
    """Return what lies in swap now (VmSwap; shared memory is not in it), in bytes."""
    return _field(process / "status", "VmSwap")


def available_bytes(root: Path = ROOT) -> Reading[int]:
    """Return what programs can still have without swapping (MemAvailable), in bytes."""
    return _field(root / "proc/meminfo", "MemAvailable")


def start_peak(process: Path = SELF) -> Reading[int]:
    """Set the peak back to what is resident now, and return that: the baseline of a later peak.

    Where the kernel does not allow the reset, the peak so far is the baseline: what comes later is
    then understated, never overstated.
    """
    try:
        (process / "clear_refs").write_text("5")
    except OSError:
        return peak_bytes(process)
    return resident_bytes(process)


def _field(path: Path, name: str) -> Reading[int]:
    source = f"{path} {name}"
    try:
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, rest = line.partition(":")
            if key == name:
                return _bytes(rest.split(), source)
    except OSError as error:
        return Reading(None, source, f"cannot be read here: {error.strerror}")
    return Reading(None, source, "this kernel does not report it")


def _bytes(fields: list[str], source: str) -> Reading[int]:
    kilobytes = count_of(fields[0]) if fields else None
    if kilobytes is None:
        return Reading(None, source, "its content is not a number of kB")
    return Reading(kilobytes * 1024, source)
