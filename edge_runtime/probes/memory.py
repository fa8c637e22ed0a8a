"""This process's memory: resident now, and at its peak, from Linux's /proc.

``getrusage``'s ``ru_maxrss`` is not used: it inherits the parent's peak across fork and exec.

Source: proc(5): VmRSS and VmHWM in /proc/[pid]/status, Pss in smaps_rollup, clear_refs.
"""

from pathlib import Path

from edge_runtime.probes import Reading

SELF = Path("/proc/self")


def resident_bytes(process: Path = SELF) -> Reading:
    """Return the resident set now (VmRSS), in bytes."""
    return _field(process / "status", "VmRSS")


def peak_bytes(process: Path = SELF) -> Reading:
    """Return the largest resident set so far (VmHWM), in bytes."""
    return _field(process / "status", "VmHWM")


def proportional_bytes(process: Path = SELF) -> Reading:
    """Return the resident set with shared pages divided among their sharers (PSS), in bytes."""
    return _field(process / "smaps_rollup", "Pss")


def start_peak(process: Path = SELF) -> Reading:
    """Set the peak back to what is resident now, and return that: the baseline of a later peak.

    Where the kernel does not allow the reset, the peak so far is the baseline: what comes later is
    then understated, never overstated.
    """
    try:
        (process / "clear_refs").write_text("5")
    except OSError:
        return peak_bytes(process)
    return resident_bytes(process)


def _field(path: Path, name: str) -> Reading:
    source = f"{path} {name}"
    try:
        for line in path.read_text().splitlines():
            key, _, rest = line.partition(":")
            if key == name:
                return Reading(int(rest.split()[0]) * 1024, source)
    except OSError as error:
        return Reading(None, source, f"cannot be read here: {error.strerror}")
    return Reading(None, source, "this kernel does not report it")
