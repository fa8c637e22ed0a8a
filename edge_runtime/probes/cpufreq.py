"""The CPU's frequency as the kernel governs it.

Source: the kernel's Documentation/admin-guide/pm/cpufreq.rst (scaling_governor, scaling_cur_freq).
"""

import re
from pathlib import Path

from edge_runtime.probes import ROOT, Reading, count_of, texts_of

POLICIES = "sys/devices/system/cpu/cpu*/cpufreq"
NO_CPUFREQ = "this kernel has no cpufreq (virtual machines have none)"


def governor(root: Path = ROOT) -> Reading[str]:
    """Return the scaling governor; several different ones are joined by a comma."""
    pattern = f"{POLICIES}/scaling_governor"
    texts = texts_of(root, pattern)
    names = {text for text in texts.values() if re.fullmatch("[a-z][a-z0-9_-]*", text)}
    if names:
        return Reading(", ".join(sorted(names)), str(root / pattern))
    reason = "cpufreq names no governor here" if texts else NO_CPUFREQ
    return Reading(None, str(root / pattern), reason)


def frequency_hz(root: Path = ROOT) -> Reading[int]:
    """Return the largest current frequency of all CPUs, in Hz.

    With most drivers it is what the kernel asked for last, not what the hardware does: a processor
    that slows itself down may still show its full frequency. ``clock`` sees that.
    """
    pattern = f"{POLICIES}/scaling_cur_freq"
    texts = texts_of(root, pattern)
    largest_khz = max((count_of(text) or 0 for text in texts.values()), default=0)
    if largest_khz:
        return Reading(largest_khz * 1000, str(root / pattern))
    reason = "cpufreq does not know the frequency here" if texts else NO_CPUFREQ
    return Reading(None, str(root / pattern), reason)
