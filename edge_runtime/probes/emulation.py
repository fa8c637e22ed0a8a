"""Whether the CPU is one that a program makes up, as QEMU does for a foreign machine's programs.

The kernel says which machine it was built for, the C library which one this program was built for:
an emulator stands between where they are of different families. (A 32-bit program on a 64-bit
kernel of its family is not emulated.)

Source: the kernel's Documentation/admin-guide/sysctl/kernel.rst (arch: what ``uname -m`` says).
"""

import platform
from pathlib import Path

from edge_runtime.probes import ROOT, Reading, text_of

KERNEL = "proc/sys/kernel/arch"
_FAMILIES = {"aarch64": "arm", "arm": "arm", "x86": "x86", "i": "x86", "amd64": "x86"}


def emulated_on(root: Path = ROOT, machine: str = "") -> Reading[str]:
    """Return the kernel's machine where this program's is emulated on it, else "none".

    Args:
        root: where proc is.
        machine: this program's, as ``platform.machine`` says it.
    """
    own = machine or platform.machine()
    kernel = text_of(root / KERNEL)
    if not kernel:
        reason = "this kernel does not say which machine it is for"
        return Reading(None, str(root / KERNEL), reason)
    families = _family(kernel), _family(own)
    differ = "" not in families and families[0] != families[1]
    return Reading(kernel if differ else "none", str(root / KERNEL))


def emulator(reading: Reading[str]) -> str:
    """Return the machine that emulates this one by such a reading; '' where none is known to."""
    return "" if reading.value in (None, "none") else str(reading.value)


def _family(machine: str) -> str:
    found = [kind for start, kind in _FAMILIES.items() if machine.lower().startswith(start)]
    return found[0] if found else ""
