"""What is known of a device: looked up on it, or told by its name."""

import shutil
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from edge_runtime.probes import (
    ROOT,
    Reading,
    cpufreq,
    cpuinfo,
    emulation,
    energy,
    memory,
    power,
    thermal,
    throttle,
)
from edge_runtime.setup.fit import this_platform
from edge_runtime.setup.platforms import Device, Platform

_T = TypeVar("_T")


@dataclass(frozen=True)
class Facts:
    """What a device is, each with where it was read or why it is not known.

    Attributes:
        here: whether it is the device that this runs on.
        name: what it is called.
        pointer_bits: of its programs: 32 on a 32-bit system, whatever the kernel says.
        platform: its machine, Python and C library, as wheels see them.
        cpu: its processor's name.
        cpu_flags: the processor's features, as Linux names them.
        emulated_on: the machine that emulates it, or "none".
        memory_bytes: free for programs now.
        disk_bytes: free where the bundle lies.
        governor, temperature_celsius, firmware_flags, power_source: as the probes read them.
        energy_source: what edge-bench's --energy would read.
    """

    here: bool
    name: str
    pointer_bits: Reading[int]
    platform: Reading[Platform]
    cpu: Reading[str]
    cpu_flags: Reading[frozenset[str]]
    emulated_on: Reading[str]
    memory_bytes: Reading[int]
    disk_bytes: Reading[int]
    governor: Reading[str]
    temperature_celsius: Reading[float]
    firmware_flags: Reading[int]
    power_source: Reading[str]
    energy_source: Reading[str]


def look_up(folder: Path, root: Path = ROOT) -> Facts:
    """Return what this device is.

    Args:
        folder: where the bundle lies.
        root: where proc and sys are.
    """
    return Facts(
        here=True,
        name="this device",
        pointer_bits=Reading(struct.calcsize("P") * 8, "the size of Python's pointers"),
        platform=Reading(this_platform(), "Python"),
        cpu=cpuinfo.model(root),
        cpu_flags=cpuinfo.flags(root),
        emulated_on=emulation.emulated_on(root),
        memory_bytes=memory.available_bytes(root),
        disk_bytes=Reading(shutil.disk_usage(folder).free, str(folder)),
        governor=cpufreq.governor(root),
        temperature_celsius=thermal.temperature_celsius(root),
        firmware_flags=throttle.firmware_flags(root),
        power_source=power.power_source(root),
        energy_source=energy.describe(root),
    )


def from_name(device: Device, platform_of_wheels: Platform | None = None) -> Facts:
    """Return what a name says of a device.

    Args:
        device: what the name stands for.
        platform_of_wheels: whom the bundle's wheels are for, taken where the name says no system.
    """
    there = f"known only on {device.name}: run doctor there"

    def told(value: _T | None, why: str = there) -> Reading[_T]:
        return Reading(value, device.name, "" if value is not None else why)

    system = device.platform or platform_of_wheels
    board = device.board
    no_board = f"{device.name} names no board: give one, as in pi4-bookworm"
    no_system = f"{device.name} names no system: give one, as in {device.name}-bookworm"
    return Facts(
        here=False,
        name=device.name,
        pointer_bits=told(64 if device.platform else None, f"{there}, or name its system"),
        platform=told(system, no_system),
        cpu=told(board.model if board else None, no_board),
        cpu_flags=told(board.flags if board else None, no_board),
        emulated_on=told(None),
        memory_bytes=told(None),
        disk_bytes=told(None),
        governor=told(None),
        temperature_celsius=told(None),
        firmware_flags=told(None),
        power_source=told(None),
        energy_source=told(None),
    )
