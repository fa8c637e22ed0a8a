"""Which class of CPU this is, from what Linux says of it."""

import pytest

from edge_runtime.probes import cpuinfo, target
from edge_runtime.probes.target import of_this_cpu

# The words of /proc/cpuinfo that matter, as kernels print them.
ZEN_4 = frozenset(["sse4_2", "avx2", "avx512f", "avx512_vnni", "avx512_bf16"])
ALDER_LAKE = frozenset(["sse4_2", "avx2", "fma", "avx_vnni"])
HASWELL = frozenset(["sse4_2", "avx2", "fma"])
CORTEX_A76 = frozenset(
    ["fp", "asimd", "aes", "asimdhp", "cpuid", "asimdrdm", "lrcpc", "dcpop", "asimddp"]
)
CORTEX_A72 = frozenset(["fp", "asimd", "evtstrm", "crc32", "cpuid"])


@pytest.mark.parametrize(
    "machine, flags, expected",
    [
        ("x86_64", ZEN_4, "x86-vnni"),
        ("x86_64", ALDER_LAKE, "x86-vnni"),
        ("AMD64", HASWELL, "x86"),
        ("x86_64", frozenset(), "x86"),
        ("aarch64", CORTEX_A76, "arm64"),
        ("arm64", CORTEX_A72, "arm64"),
        ("armv7l", frozenset(), None),
        ("riscv64", frozenset(), None),
    ],
)
def test_a_cpu_is_known_by_machine_and_flags(machine, flags, expected):
    assert of_this_cpu(machine, flags) == expected
    assert expected is None or expected in target.NAMES


@pytest.mark.parametrize(
    "flags, name",
    [
        (ZEN_4, "VNNI"),
        (ALDER_LAKE, "VNNI"),
        (HASWELL, ""),
        (CORTEX_A72, ""),
        (CORTEX_A76, "dotprod"),
    ],
)
def test_the_dot_product_instructions_are_named(flags, name):
    assert target.dot_product(flags) == name


def test_this_machine_is_read_where_nothing_is_given():
    import platform

    assert of_this_cpu() == of_this_cpu(platform.machine(), cpuinfo.flags().value)
