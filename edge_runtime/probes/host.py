"""What machine this is: read from the platform, /proc and /sys; unknown where they do not say."""

import os
import platform
import struct
import sys
from pathlib import Path
from typing import Any


def cpu_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Return the instruction-set flags of the first CPU, as Linux names them; empty if unknown."""
    return frozenset(_cpuinfo(cpuinfo, "flags", "Features").split())


def has_bfloat16() -> bool:
    """Say whether this CPU has bfloat16 instructions (x86 AVX-512 or AMX, Arm)."""
    return bool(cpu_flags() & {"avx512_bf16", "amx_bf16", "bf16"})


def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the processor's name, or the board's where Arm gives no other; '' if unknown."""
    return _cpuinfo(cpuinfo, "model name", "Model") or platform.processor()


def describe() -> dict[str, Any]:
    """Return what a reader of a result needs to know of the machine, as JSON values."""
    return {
        "machine": platform.machine(),
        "pointer_bits": struct.calcsize("P") * 8,
        "system": platform.system(),
        "kernel": platform.release(),
        "libc": " ".join(platform.libc_ver()).strip() or None,
        "cpu": cpu_model() or None,
        "cpus": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_bytes": _memory_bytes(),
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
    }


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _cpuinfo(path: Path, *keys: str) -> str:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return ""
    for key in keys:
        for line in lines:
            name, _, value = line.partition(":")
            if name.strip() == key:
                return value.strip()
    return ""
