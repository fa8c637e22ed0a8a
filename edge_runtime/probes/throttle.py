"""Whether something slowed the processor down: the firmware, the processor itself, or a quota.

Source: the Raspberry Pi documentation of ``vcgencmd get_throttled``; the kernel's
Documentation/admin-guide/cgroup-v2.rst (cpu.stat, nr_throttled),
Documentation/scheduler/sched-bwc.rst (the same under cgroup v1) and
drivers/thermal/intel/therm_throt.c (thermal_throttle).
"""

import re
from enum import IntFlag
from pathlib import Path

from edge_runtime.probes import ROOT, Reading, count_of, text_of, texts_of, vcgencmd

# A Raspberry Pi 5 has the address in the folders' names.
FIRMWARE = "sys/devices/platform/soc*/soc*:firmware/get_throttled"
COUNTS = "sys/devices/system/cpu/cpu*/thermal_throttle/*_throttle_count"
CGROUPS = "sys/fs/cgroup"


class Firmware(IntFlag):
    """The bits of a Raspberry Pi's ``get_throttled``."""

    UNDER_VOLTAGE = 1 << 0
    FREQUENCY_CAPPED = 1 << 1
    THROTTLED = 1 << 2
    SOFT_TEMPERATURE_LIMIT = 1 << 3
    UNDER_VOLTAGE_SINCE_BOOT = 1 << 16
    FREQUENCY_CAPPED_SINCE_BOOT = 1 << 17
    THROTTLED_SINCE_BOOT = 1 << 18
    SOFT_TEMPERATURE_LIMIT_SINCE_BOOT = 1 << 19


def firmware_flags(root: Path = ROOT, command: str | None = None) -> Reading[int]:
    """Return a Raspberry Pi's throttling bits (``Firmware``).

    The command is asked before sysfs: since Linux 4.19 the kernel's raspberrypi-hwmon driver clears
    the kernel's view of the "since boot" bits every two seconds, and sysfs shows what that driver
    saw last. The file is deprecated, too: its first reader leaves a warning in the kernel's log.

    Args:
        root: where /sys is.
        command: vcgencmd; by default the one on the PATH, where ``root`` is this machine's.
    """
    command = command or vcgencmd.command(root)
    asked = _ask(command) if command else None
    if asked and asked.value is not None:
        return asked
    texts = texts_of(root, FIRMWARE)
    for path, text in texts.items():
        if re.fullmatch("[0-9a-fA-F]{1,8}", text):
            return Reading(int(text, 16), str(path))
    if asked:
        return asked
    reason = "only a Raspberry Pi's firmware reports it (here is neither its file nor vcgencmd)"
    if texts:
        reason = "its content is not a hexadecimal number"
    return Reading(None, str(root / FIRMWARE), reason)


def cpu_events(root: Path = ROOT) -> Reading[int]:
    """Return how often the processor throttled itself since boot, over all cores and packages.

    Every CPU counts for its package too, so the sum is no number of events: only that it rose says
    something.
    """
    source = str(root / COUNTS)
    texts = texts_of(root, COUNTS)
    counts = [count for text in texts.values() if (count := count_of(text)) is not None]
    if not texts:
        reason = "this kernel counts none (only Intel processors outside virtual machines do)"
        return Reading(None, source, reason)
    if len(counts) < len(texts):
        return Reading(None, source, "not every CPU's count can be read")
    return Reading(sum(counts), source)


def quota_events(root: Path = ROOT) -> Reading[int]:
    """Return in how many periods a CPU quota of this process's cgroups made it wait.

    A quota may be set on the cgroup itself or on any that it lies in, and each counts for itself:
    they are added up, as far as they can be seen from here.
    """
    mounts, inside = _cpu_cgroup(text_of(root / "proc/self/cgroup"))
    for mount in mounts:
        top = root / CGROUPS / mount
        levels = (inside, *inside.parents)
        stats = [top / level / "cpu.stat" for level in levels]
        counts = {str(file): n for file in stats if (n := _throttled(file)) is not None}
        if counts:
            return Reading(sum(counts.values()), ", ".join(counts))
    reason = "no CPU quota is counted for this process's cgroup (the cpu controller is not on)"
    return Reading(None, str(root / CGROUPS / "**" / "cpu.stat"), reason)


def _ask(command: str) -> Reading[int]:
    asked = vcgencmd.ask(command, "get_throttled", r"\Athrottled=0x[0-9a-fA-F]{1,8}\Z")
    if asked.value is None:
        return Reading(None, asked.source, asked.reason)
    return Reading(int(asked.value.partition("=")[2], 16), asked.source)


def _cpu_cgroup(memberships: str) -> tuple[tuple[str, ...], Path]:
    """Return where the cpu controller may be mounted, and the process's path below that."""
    unified = Path()
    for line in memberships.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        inside = Path(path.lstrip("/"))
        if "cpu" in controllers.split(","):  # version 1, also where version 2 is beside it
            return (controllers, "cpu", "cpu,cpuacct"), inside
        if number == "0" and not controllers:
            unified = inside
    return ("",), unified


def _throttled(stat: Path) -> int | None:
    for line in text_of(stat).splitlines():
        name, _, value = line.partition(" ")
        if name == "nr_throttled":
            return count_of(value)
    return None
