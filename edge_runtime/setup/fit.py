"""What is wrong with a device, or with what was copied to it, before its setup begins.

Like all of the setup it needs the standard library alone, and edge_runtime.
"""

import os
import platform
import shutil
import struct
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

from edge_runtime.bundle import integrity
from edge_runtime.bundle.manifest import Manifest, Wheelhouse
from edge_runtime.errors import BundleError, ToolkitError, UsageError, reason
from edge_runtime.files import megabytes
from edge_runtime.setup import platforms, wheels
from edge_runtime.setup.platforms import Platform

_MARGIN_BYTES = 32_000_000
"""What an environment takes beside its wheels' files: compiled modules, 18 MB of them PyTorch's."""

_BLOCK_BYTES = 4096
"""What a file is rounded up to; it makes a tenth of PyTorch's thousands of files."""


class SetupError(ToolkitError):
    """The device cannot be set up.

    Args:
        what: what is wrong.
        remedy: what to do.
        others: messages of what else is wrong.
    """

    def __init__(self, what: str, remedy: str = "", others: Iterable[str] = ()) -> None:
        super().__init__(what, remedy)
        self.lines = (str(self), *others)


def this_platform() -> Platform:
    """Return what this device is to a wheel; a C library that is not glibc has version 0.0."""
    library, version = platform.libc_ver()
    try:
        major, minor = (int(part) for part in version.split(".")[:2])
    except ValueError:
        major, minor = 0, 0
    glibc = (major, minor) if library == "glibc" else (0, 0)
    return Platform("this device", platform.machine(), sys.version_info[:2], glibc)


def require_64_bit() -> None:
    """Check that this Python is a 64-bit program.

    Raises:
        SetupError: it is not.
    """
    if struct.calcsize("P") < 8:
        raise SetupError(
            f"{sys.executable} is a 32-bit program, and no engine has 32-bit wheels.",
            "Flash a 64-bit operating system; a 64-bit kernel alone is not enough.",
        )


def require_fit(house: Wheelhouse, here: Platform) -> None:
    """Check that the wheels are for this Python, machine and C library.

    Raises:
        SetupError: they are not; a line for the device, and one for each wheel that is not.
    """
    try:
        meant = platforms.platform(house.platform)
        problems = [wheels.parse(record.file).problem(here) for record in house.wheels]
    except (UsageError, BundleError) as error:
        raise SetupError(str(error), "Export the bundle again.") from error
    # The wheels were chosen for one Python; another one may need more of them, or fewer.
    if (here.python, here.machine) == (meant.python, meant.machine) and not any(problems):
        return
    raise SetupError(
        f"this device has {_describe(here)}; the wheels are for {meant.name}: {_describe(meant)}.",
        _remedy(here, meant),
        filter(None, problems),
    )


def _remedy(here: Platform, meant: Platform) -> str:
    python = f"python{meant.python[0]}.{meant.python[1]}"
    name = name_of(here)
    if here.machine == meant.machine and here.python != meant.python and shutil.which(python):
        return f"Give that Python, which is here: PYTHON={python}."
    if name is None:
        return "No engine has wheels for such a device."
    return f"Export the bundle with --wheels {name}."


def require_whole(bundle: Path, content: Manifest, *, with_wheels: bool) -> list[Path]:
    """Check that the files of a bundle are those that its manifest means, and return its wheels.

    Args:
        bundle: the folder.
        content: its manifest.
        with_wheels: look at the wheels too. Where they are installed they are not needed any more.

    Raises:
        SetupError: some are missing or damaged: a line for each.
    """
    problems = integrity.problems(bundle, (*content.files, *content.artifacts))
    files, broken = integrity.whole_wheels(bundle, content) if with_wheels else ([], [])
    if problems or broken:
        first, *others = (*problems, *broken)
        raise SetupError(first.what, first.remedy, map(str, others))
    return files


def needed_bytes(files: list[Path]) -> int:
    """Return what an environment of these wheels takes on a disk, by the sizes in their indexes.

    Raises:
        SetupError: one is no wheel.
    """
    return sum(map(_blocks, files)) * _BLOCK_BYTES + _MARGIN_BYTES


def _blocks(file: Path) -> int:
    try:
        with zipfile.ZipFile(file) as archive:
            return sum(-(-entry.file_size // _BLOCK_BYTES) for entry in archive.infolist())
    except Exception as error:  # a damaged archive makes zipfile raise nearly anything
        raise SetupError(
            f"{file.name} is no wheel ({reason(error)}).", "Export the bundle again."
        ) from error


def require_space(folder: Path, need: int) -> None:
    """Check that a folder that is to be made has room.

    Raises:
        SetupError: it has not.
    """
    if shutil.disk_usage(_nearest(folder)).free < need:
        raise too_full(folder, need)


def too_full(folder: Path, need: int) -> SetupError:
    """Return the error for ``need`` bytes for a folder that are too many for its disk."""
    free = shutil.disk_usage(_nearest(folder)).free
    return SetupError(
        f"not enough disk space: {shown(folder)} needs about {megabytes(need)}, and its disk has "
        f"{megabytes(free)} free.",
        "Free some, or give a folder on another disk: --venv DIR.",
    )


def _nearest(folder: Path) -> Path:
    return next(path for path in folder.parents if path.exists())


def _describe(one: Platform) -> str:
    glibc = f"glibc {one.glibc[0]}.{one.glibc[1]}" if any(one.glibc) else "no glibc"
    return f"Python {one.python[0]}.{one.python[1]}, {one.machine}, {glibc}"


def name_of(here: Platform) -> str | None:
    """Return what ``--wheels`` calls a device, if there are wheels for it at all."""
    own = (
        f"linux-{here.machine}-py{here.python[0]}.{here.python[1]}-glibc{here.glibc[0]}."
        f"{here.glibc[1]}"
    )
    for name in (*platforms.EXAMPLES, own):
        try:
            known = platforms.platform(name)
        except UsageError:
            continue
        if (known.machine, known.python, known.glibc) == (here.machine, here.python, here.glibc):
            return name
    return None


def shown(path: Path) -> str:
    """Return a path as short as it can be typed here."""
    try:
        beside = os.path.relpath(path)
    except FileNotFoundError:  # the current folder was removed
        return str(path)
    return str(path) if beside.startswith("..") else beside
