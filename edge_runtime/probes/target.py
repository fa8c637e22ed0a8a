"""Targets: the classes of CPU that a quantized artifact is made for, by how they multiply INT8.

    x86-vnni   x86-64 with VNNI: u8 x s8 products are summed exactly in 32 bits
    x86        x86-64 without: pairs of products are summed in 16 bits and saturate, so weights
               have to stay within 7 bits
    arm64      64-bit Arm: s8 x s8 products are summed exactly in 32 bits

Source: Intel's description of VPMADDUBSW and VPDPBUSD; ONNX Runtime, "Quantize ONNX models".
"""

import platform

from edge_runtime.probes import cpuinfo

X86_VNNI = "x86-vnni"
X86 = "x86"
ARM64 = "arm64"
ANY = "any"
NAMES = (X86_VNNI, X86, ARM64)

LARGEST_WEIGHT = {X86_VNNI: 127, X86: 64, ARM64: 127}
"""The INT8 code of a channel's largest weight."""

_VNNI = {"avx512_vnni", "avx_vnni", "avx512vnni"}
_DOTPROD = "asimddp"
_ARM = {"aarch64", "arm64"}
_X86 = {"x86_64", "amd64"}


def of_this_cpu(machine: str | None = None, flags: frozenset[str] | None = None) -> str | None:
    """Return this CPU's target, or None where it is none of them.

    Args:
        machine: as ``platform.machine`` says it; this one's if None.
        flags: as Linux names the CPU's features; this one's if None.
    """
    machine = (machine or platform.machine()).lower()
    if machine in _ARM:
        return ARM64
    if machine not in _X86:
        return None
    found = (cpuinfo.flags().value or frozenset()) if flags is None else flags
    return X86_VNNI if found & _VNNI else X86


def dot_product(flags: frozenset[str]) -> str:
    """Return the INT8 dot product instructions that a CPU has: VNNI, dotprod, or ''.

    Args:
        flags: the CPU's features, as Linux names them.
    """
    if flags & _VNNI:
        return "VNNI"
    return "dotprod" if _DOTPROD in flags else ""
