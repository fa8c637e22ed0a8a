"""What the whole machine is doing: its load, its processor time, what it killed for memory.

In a container these are the whole machine's as well, not the container's.

Source: proc(5): /proc/loadavg, /proc/stat, /proc/vmstat.
"""

import os
import re
from pathlib import Path

from edge_runtime.probes import ROOT, Reading, count_of, text_of

TICKS_PER_S = os.sysconf("SC_CLK_TCK")

# The columns of the line "cpu" in /proc/stat. Two more follow, guest and guest_nice: that time is
# in user and nice already.
USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL = range(8)


def load_1min(root: Path = ROOT) -> Reading[float]:
    """Return the mean number of tasks that ran or wanted to in the last minute.

    Source: proc(5), /proc/loadavg.
    """
    path = root / "proc/loadavg"
    text = text_of(path)
    if found := re.match(r"([0-9]{1,9}\.[0-9]{1,9}) ", text):
        return Reading(float(found[1]), str(path))
    return Reading(None, str(path), _why_none(text, "it does not begin with a load average"))


def steal_ticks(root: Path = ROOT) -> Reading[int]:
    """Return the time a hypervisor gave to others while a CPU here wanted to run, in ticks.

    Source: proc(5), /proc/stat: steal, since boot, over all CPUs.
    """
    return _ticks(root, STEAL)


def busy_ticks(root: Path = ROOT) -> Reading[int]:
    """Return the time all CPUs have worked since boot, in ticks.

    Source: proc(5), /proc/stat: user, nice, system, irq and softirq.
    """
    return _ticks(root, USER, NICE, SYSTEM, IRQ, SOFTIRQ)


def total_ticks(root: Path = ROOT) -> Reading[int]:
    """Return all time of all CPUs since boot, idle and stolen time too, in ticks.

    Source: proc(5), /proc/stat: the first eight columns.
    """
    return _ticks(root, *range(8))


def oom_kills(root: Path = ROOT) -> Reading[int]:
    """Return how many processes the kernel has killed for want of memory since boot.

    Source: proc(5), /proc/vmstat: oom_kill.
    """
    path = root / "proc/vmstat"
    text = text_of(path)
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name == "oom_kill" and (kills := count_of(value)) is not None:
            return Reading(kills, f"{path} oom_kill")
    reason = _why_none(text, "this kernel does not count them (Linux does since 4.13)")
    return Reading(None, f"{path} oom_kill", reason)


def _ticks(root: Path, *columns: int) -> Reading[int]:
    path = root / "proc/stat"
    text = text_of(path)
    label, *fields = text.partition("\n")[0].split() or [""]
    counts = [count for field in fields[:8] if (count := count_of(field)) is not None]
    if label == "cpu" and len(counts) == 8:
        return Reading(sum(counts[column] for column in columns), f"{path} cpu")
    reason = _why_none(text, "its first line does not hold eight times for all CPUs")
    return Reading(None, f"{path} cpu", reason)


def _why_none(text: str, otherwise: str) -> str:
    return otherwise if text else "it cannot be read here, or is empty (is /proc mounted?)"
