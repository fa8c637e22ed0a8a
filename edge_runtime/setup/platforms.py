"""What a device runs beside its CPU: which wheels fit it, known by a name before it is at hand.

    pi-bookworm, pi-trixie            64-bit Raspberry Pi OS: its Python and its C library
    linux-aarch64-py3.12              any Linux, with wheels for the oldest C library in wide use
    linux-x86_64-py3.11-glibc2.35     likewise, with its C library named
    pi3, pi4, pi5                     a board: its CPU; pi5-trixie names both

Sources: Debian's package lists (Bookworm: Python 3.11, glibc 2.36; Trixie: 3.13 and 2.41);
PEP 600 for what a C library's version means to a wheel; Raspberry Pi's processor documentation and
the ``Features`` that these cores show in /proc/cpuinfo.
"""

import re
from dataclasses import dataclass
from itertools import product

from edge_runtime.errors import UsageError, did_you_mean

COMMON_GLIBC = (2, 28)
"""What current wheels of numpy and of the engines ask for: manylinux_2_28."""


@dataclass(frozen=True)
class Platform:
    """An operating system as wheels see it.

    Attributes:
        name: what it is called on a command line.
        machine: as ``platform.machine`` says it: ``aarch64`` or ``x86_64``.
        python: major and minor version.
        glibc: likewise; a wheel may ask for this one or an older one.
    """

    name: str
    machine: str
    python: tuple[int, int]
    glibc: tuple[int, int]


@dataclass(frozen=True)
class Board:
    """A board's CPU.

    Attributes:
        name: what it is called on a command line.
        model: what a reader calls it.
        flags: the CPU's features that matter here, as Linux names them.
    """

    name: str
    model: str
    flags: frozenset[str]


_RASPBERRY_PI_OS = {
    "bookworm": Platform("pi-bookworm", "aarch64", (3, 11), (2, 36)),
    "trixie": Platform("pi-trixie", "aarch64", (3, 13), (2, 41)),
}
_ARMV8 = frozenset({"fp", "asimd", "crc32"})
_ARMV82 = _ARMV8 | {"atomics", "fphp", "asimdhp", "asimdrdm", "lrcpc", "dcpop", "asimddp"}
_BOARDS = {
    "pi3": Board("pi3", "Raspberry Pi 3 (Cortex-A53)", _ARMV8),
    "pi4": Board("pi4", "Raspberry Pi 4 (Cortex-A72)", _ARMV8),
    "pi5": Board("pi5", "Raspberry Pi 5 (Cortex-A76)", _ARMV82),
}
EXAMPLES = ("pi-bookworm", "pi-trixie", "linux-aarch64-py3.12", "linux-x86_64-py3.11-glibc2.35")


@dataclass(frozen=True)
class Device:
    """What a name says of a device: the platform, the board, or both."""

    name: str
    platform: Platform | None = None
    board: Board | None = None


def device(name: str) -> Device:
    """Return what a name stands for.

    Raises:
        UsageError: nothing.
    """
    board, _, system = name.partition("-")
    if board in _BOARDS and system in ("", *_RASPBERRY_PI_OS):
        return Device(name, _RASPBERRY_PI_OS.get(system), _BOARDS[board])
    if board == "pi" and system in _RASPBERRY_PI_OS:
        return Device(name, _RASPBERRY_PI_OS[system])
    pattern = r"linux-(aarch64|x86_64)-py3\.([0-9]{1,2})(?:-glibc2\.([0-9]{1,2}))?"
    if match := re.fullmatch(pattern, name):
        glibc = (2, int(match[3])) if match[3] else COMMON_GLIBC
        python = (3, int(match[2]))
        if python < (3, 11):
            raise UsageError(f"{name}: edge-bench needs Python 3.11 or newer on the device.")
        return Device(name, Platform(name, match[1], python, glibc))
    pairs = product(("pi", *_BOARDS), _RASPBERRY_PI_OS)
    names = [*_BOARDS, *(f"{board}-{system}" for board, system in pairs)]
    raise UsageError(
        f"no device {name!r}.",
        f"{did_you_mean(name, [*names, *EXAMPLES])} Another Linux is linux-MACHINE-pyVERSION, as "
        "in linux-aarch64-py3.12.",
    )


def platform(name: str) -> Platform:
    """Return the platform that a name stands for.

    Raises:
        UsageError: it stands for none, or for a board whose system is not named.
    """
    named = device(name)
    if named.platform is None:
        systems = " or ".join(f"{name}-{system}" for system in _RASPBERRY_PI_OS)
        raise UsageError(f"{name} names a board and not its system.", f"Give {systems}.")
    return named.platform
