"""What the first CPU is called, and the instructions that it has.

Source: proc(5), /proc/cpuinfo.
"""

import platform
from pathlib import Path

from edge_runtime.probes import ROOT, Reading

_FILE = "proc/cpuinfo"
_BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}  # x86 AVX-512 and AMX, Arm


def flags(root: Path = ROOT) -> Reading[frozenset[str]]:
    """Return the instruction-set flags, as Linux names them."""
    path = root / _FILE
    found = frozenset(_value(path, "flags", "Features").split())
    if found:
        return Reading(found, str(path))
    return Reading(None, str(path), "it lists no features of the processor")


def has_bfloat16() -> bool:
    """Say whether this CPU has bfloat16 instructions."""
    return bool((flags().value or frozenset()) & _BFLOAT16)


def model(root: Path = ROOT) -> Reading[str]:
    """Return the processor's name, or the board's where Arm gives no other."""
    path = root / _FILE
    if name := _value(path, "model name", "Model") or platform.processor():
        return Reading(name, str(path))
    return Reading(None, str(path), "it names no processor")


def _value(path: Path, *keys: str) -> str:
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
