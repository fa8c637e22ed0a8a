"""One wheel for another machine, fetched by pip, and what that wheel says it needs."""

import email.parser
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from edge_runtime.errors import ExportError
from edge_runtime.setup import platforms
from edge_runtime.setup.platforms import Platform
from edge_runtime.setup.wheels import LEGACY_GLIBC

_OLDEST_GLIBC = {"x86_64": 5, "aarch64": 17}
"""Minor version of the oldest C library that a machine's wheels are built for (PEP 600)."""

_OFFLINE = ("connection", "name resolution", "name or service", "timed out", "unreachable", "proxy")


def fetch(requirement: Requirement, by: str, platform: Platform, folder: Path) -> Path:
    """Fetch the newest wheel that fulfils a requirement on a platform, by pip with its settings.

    Args:
        requirement: its marker and extras are not looked at.
        by: what asks for it, for an error's text.
        platform: whom the wheel is for.
        folder: an empty one to put it in.

    Raises:
        ExportError: pip is missing, or finds none.
    """
    wanted = f"{requirement.name}{requirement.specifier}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps"]
    command += ["--disable-pip-version-check", "--progress-bar", "off", "--only-binary", ":all:"]
    command += ["--implementation", "cp", "--python-version", ".".join(map(str, platform.python))]
    command += [part for tag in tags(platform) for part in ("--platform", tag)]
    done = subprocess.run(
        [*command, "--dest", str(folder), wanted],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    found = list(folder.glob("*.whl"))
    if done.returncode == 0 and len(found) == 1:
        return found[0]
    raise ExportError(
        f"cannot fetch {wanted}, which {by} needs on {platform.name} (Python "
        f"{platform.python[0]}.{platform.python[1]}, {platform.machine}, glibc "
        f"{platform.glibc[0]}.{platform.glibc[1]}). {_why(done.stderr, platform)}"
    )


def tags(platform: Platform) -> Iterator[str]:
    """Yield the platform tags of wheels that run on a platform, those for newest glibc first.

    Source: PEP 600.
    """
    legacy = {glibc: name for name, glibc in LEGACY_GLIBC.items()}
    major, newest = platform.glibc
    for minor in range(newest, _OLDEST_GLIBC[platform.machine] - 1, -1):
        yield f"manylinux_{major}_{minor}_{platform.machine}"
        if name := legacy.get((major, minor)):
            yield f"{name}_{platform.machine}"


def requirements_of(wheel: Path) -> tuple[Requirement, ...]:
    """Return what a wheel says it needs, with the markers that say where.

    Raises:
        ExportError: it is damaged.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            (name,) = (
                name
                for name in archive.namelist()
                if name.count("/") == 1 and name.endswith(".dist-info/METADATA")
            )
            text = archive.read(name).decode()
        lines = email.parser.HeaderParser().parsestr(text).get_all("Requires-Dist", [])
        return tuple(Requirement(line) for line in lines)
    except (zipfile.BadZipFile, ValueError, InvalidRequirement) as error:
        raise ExportError(f"{wheel.name} cannot be read: {error}.") from error


def _why(said: str, platform: Platform) -> str:
    """Return pip's last word, and what to do."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if any("No module named pip" in line for line in lines):
        return f"There is no pip here: {sys.executable} -m ensurepip."
    errors = [line for line in lines if line.startswith("ERROR: ")] or lines or ["nothing"]
    last = errors[-1].removeprefix("ERROR: ").rstrip(".")[:300]
    if "No space left on device" in last:
        return f"pip says: {last}."
    if any(word in line.lower() for line in lines for word in _OFFLINE):
        return (
            f"pip says: {last}. Is this machine offline? Connect it, or point pip at a folder of "
            "wheels: PIP_FIND_LINKS=DIR."
        )
    others = [
        name
        for name in platforms.EXAMPLES
        if (known := platforms.platform(name)).machine == platform.machine
        and known.python != platform.python
    ]
    return (
        f"pip says: {last}. There may be no wheel for this Python or C library (try --wheels "
        f"{' or '.join(others)}), or no network here."
    )
