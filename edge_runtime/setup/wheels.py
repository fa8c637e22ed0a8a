"""Wheels by their file names: what a wheel is, and why it does not fit a platform.

Source: the binary distribution format (name-version-python-abi-platform.whl, each tag perhaps
several, joined by a point); PEP 600 (``manylinux_2_28_aarch64``: that C library or a newer one) and
its legacy names; PEP 425 (``abi3``: this Python or a newer one).
"""

import re
from dataclasses import dataclass
from itertools import product

from edge_runtime.errors import BundleError
from edge_runtime.setup.platforms import Platform

LEGACY_GLIBC = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
"""What names older than PEP 600 ask for."""


@dataclass(frozen=True)
class Wheel:
    """What a wheel's file name says.

    Attributes:
        file: the name itself.
        name: the distribution's, in lower case, with hyphens: ``typing-extensions``.
        version: as it stands there.
        pythons, abis, platforms: the tags; any combination of them is promised to work.
    """

    file: str
    name: str
    version: str
    pythons: tuple[str, ...]
    abis: tuple[str, ...]
    platforms: tuple[str, ...]

    def problem(self, platform: Platform) -> str | None:
        """Say why the wheel does not fit a platform; None if it does."""
        python = ".".join(map(str, platform.python))
        pairs = product(self.pythons, self.abis)
        if not any(_fits_python(tag, abi, platform.python) for tag, abi in pairs):
            return f"{self.file} is for {'/'.join(self.pythons)}, not for Python {python}"
        if self.platforms == ("any",):
            return None
        tags = {tag for tag in self.platforms if tag.endswith(f"_{platform.machine}")}
        if not tags:
            return f"{self.file} is for another machine than {platform.machine}"
        needed = [glibc for tag in tags if (glibc := _glibc(tag)) is not None]
        if not needed:
            return f"{self.file} is for no Linux with glibc"
        if min(needed) > platform.glibc:
            least, own = (".".join(map(str, g)) for g in (min(needed), platform.glibc))
            return f"{self.file} needs glibc {least} or newer, not {own}"
        return None


def parse(file: str) -> Wheel:
    """Return what a wheel's file name says.

    Raises:
        BundleError: it is no wheel's name.
    """
    parts = file.removesuffix(".whl").split("-")
    if not file.endswith(".whl") or len(parts) not in (5, 6) or not all(parts):
        raise BundleError(f"{file!r} is not the name of a wheel (name-version-python-abi-platform)")
    pythons, abis, platforms = (tuple(tag.split(".")) for tag in parts[-3:])
    name = re.sub(r"[-_.]+", "-", parts[0]).lower()
    return Wheel(file, name, parts[1], pythons, abis, platforms)


def _fits_python(tag: str, abi: str, python: tuple[int, int]) -> bool:
    major, minor = python
    if abi == "none":
        own = re.fullmatch(rf"(?:py|cp){major}([0-9]*)", tag)
        return own is not None and (not own[1] or int(own[1]) <= minor) and tag[:2] == "py"
    if abi == "abi3":
        own = re.fullmatch(rf"cp{major}([0-9]+)", tag)
        return own is not None and int(own[1]) <= minor
    return tag == f"cp{major}{minor}" and abi == tag


def _glibc(tag: str) -> tuple[int, int] | None:
    if match := re.match(r"manylinux_([0-9]+)_([0-9]+)_", tag):
        return int(match[1]), int(match[2])
    return LEGACY_GLIBC.get(tag.partition("_")[0])
