"""What machine this is: read from the platform, /proc and /sys; unknown where they do not say."""

import os
import platform
import struct
import sys
from dataclasses import dataclass

from edge_runtime.documents.strict import Positive
from edge_runtime.probes import cpuinfo, emulation, load, target


@dataclass(frozen=True)
class Host:
    """What a reader of a result needs to know of the machine; None where it is unknown.

    Attributes:
        machine: the architecture, as ``platform.machine`` has it.
        pointer_bits: 32 or 64, of this Python.
        system, kernel, libc: of the operating system.
        cpu: the processor's name, or the board's.
        cpus: how many CPUs this process may use.
        memory_bytes: the whole memory.
        python, implementation: of Python.
        target: the CPU's class, a name in ``target``.
        ticks_per_s: the unit of the kernel's CPU times.
        emulated_on: the machine that emulates this CPU; None where none is known to.
    """

    machine: str | None = None
    pointer_bits: Positive | None = None
    system: str | None = None
    kernel: str | None = None
    libc: str | None = None
    cpu: str | None = None
    cpus: Positive | None = None
    memory_bytes: Positive | None = None
    python: str | None = None
    implementation: str | None = None
    target: str | None = None
    ticks_per_s: Positive | None = None
    emulated_on: str | None = None


def describe() -> Host:
    """Return what machine this is."""
    return Host(
        machine=platform.machine(),
        pointer_bits=struct.calcsize("P") * 8,
        system=platform.system(),
        kernel=platform.release(),
        libc=" ".join(platform.libc_ver()).strip() or None,
        cpu=cpuinfo.model().value,
        cpus=_cpus(),
        memory_bytes=_memory_bytes(),
        python=platform.python_version(),
        implementation=sys.implementation.name,
        target=target.of_this_cpu(),
        ticks_per_s=load.TICKS_PER_S,
        emulated_on=emulation.emulator(emulation.emulated_on()) or None,
    )


def _cpus() -> int | None:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
