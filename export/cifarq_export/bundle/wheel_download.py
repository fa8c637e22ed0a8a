"""Wheels for another machine: chosen by uv for that machine, fetched by pip.

``pip download --platform`` chooses files for another machine and evaluates the markers of their
requirements for this one: on an x86 host PyTorch for a Raspberry Pi would bring CUDA. uv resolves
for the platform that it is told, and is given pip's settings; pip then fetches what uv chose.
"""

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile

from edge_runtime.errors import ExportError
from edge_runtime.setup import platforms
from edge_runtime.setup.platforms import Platform
from edge_runtime.setup.wheels import LEGACY_GLIBC

_OLDEST_GLIBC = {"x86_64": 5, "aarch64": 17}
"""Minor version of the oldest C library that a machine's wheels are built for (PEP 600)."""

_UV_GLIBC = (17, 28, *range(31, 41))
"""Minor versions of the C libraries that uv has a platform for."""

_UV_OPTIONS = {
    "index-url": "--index-url",
    "extra-index-url": "--extra-index-url",
    "find-links": "--find-links",
    "constraint": "--constraint",
    "trusted-host": "--allow-insecure-host",
}
"""Settings of pip that say where wheels come from, and uv's options for them."""

_CONSTRAINTS = ("backports-strenum<1.3",)
"""Newer releases are not for Python 3.11 and above: pip heeds such a bound, uv does not."""

_ERROR_CHARACTERS = 300
_OFFLINE = ("connection", "connect", "name resolution", "name or service", "timed out", "dns")


def resolve(requirements: Iterable[str], platform: Platform) -> list[str]:
    """Return the newest versions, with all that they need, that fulfil requirements on a platform.

    Args:
        requirements: what is wanted, as pip reads it.
        platform: whom the wheels are for.

    Returns:
        Pinned requirements: ``numpy==2.4.6``.

    Raises:
        ExportError: there are none, pip's settings cannot be read, or uv is missing or offline.
    """
    wanted = list(requirements)
    command = ["-m", "uv", "--no-config", "pip", "compile", "--quiet", "--no-header"]
    command += ["--no-annotate", "--only-binary", ":all:", "--python", sys.executable]
    command += ["--python-platform", _uv_platform(platform)]
    command += ["--python-version", _version(platform.python), *_uv_sources()]
    with NamedTemporaryFile("w", suffix=".txt") as constraints:
        constraints.write("\n".join(_CONSTRAINTS))
        constraints.flush()
        done = _run([*command, "--constraint", constraints.name, "-"], "\n".join(wanted))
    if done.returncode == 0:
        return done.stdout.split()
    if "No module named uv" in done.stderr:
        raise ExportError("uv, which chooses the wheels, is not installed:", "pip install uv.")
    causes = " ".join(done.stderr.replace("cause:", " ").replace("error:", " ").split())
    raise ExportError(
        f"no wheels of {', '.join(wanted)} for {described(platform)}. uv says: "
        f"{causes.rstrip('.')[:_ERROR_CHARACTERS]}.",
        _remedy(done.stderr, platform),
    )


def download(pins: Iterable[str], platform: Platform, folder: Path) -> None:
    """Fetch wheels into a folder, by pip with its settings.

    Args:
        pins: what ``resolve`` chose.
        platform: whom the wheels are for.
        folder: where they go.

    Raises:
        ExportError: pip is missing, or cannot fetch one.
    """
    command = ["-m", "pip", "download", "--quiet", "--no-input", "--no-deps"]
    command += ["--disable-pip-version-check", "--progress-bar", "off", "--only-binary", ":all:"]
    command += ["--implementation", "cp", "--python-version", _version(platform.python)]
    command += [part for tag in tags(platform) for part in ("--platform", tag)]
    done = _run([*command, "--dest", str(folder), *pins])
    if done.returncode == 0:
        return
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR: ")] or lines or ["nothing"]
    last = errors[-1].removeprefix("ERROR: ").rstrip(".")[:_ERROR_CHARACTERS]
    raise ExportError(
        f"cannot fetch the wheels for {described(platform)}. pip says: {last}.",
        "" if "No space left on device" in last else _remedy(done.stderr, platform),
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


def described(platform: Platform) -> str:
    """Return a platform's name and what it stands for."""
    return (
        f"{platform.name} (Python {_version(platform.python)}, {platform.machine}, glibc "
        f"{_version(platform.glibc)})"
    )


def _version(numbers: tuple[int, int]) -> str:
    return ".".join(map(str, numbers))


def _run(arguments: list[str], said: str = "") -> "subprocess.CompletedProcess[str]":
    """Run a module of this Python, and return what it said."""
    return subprocess.run(
        [sys.executable, *arguments], input=said, capture_output=True, text=True, errors="replace"
    )


def _uv_platform(platform: Platform) -> str:
    """Return uv's platform with the newest C library that is no newer than the platform's.

    Raises:
        ExportError: the C library is older than all of uv's.
    """
    known = [minor for minor in _UV_GLIBC if (2, minor) <= platform.glibc]
    if not known:
        raise ExportError(
            f"no wheels for {described(platform)}: the oldest C library that wheels are chosen for "
            f"is glibc 2.{_UV_GLIBC[0]}.",
            "Give the device a newer system.",
        )
    return f"{platform.machine}-manylinux_2_{known[-1]}"


def _uv_sources() -> list[str]:
    """Return the options of uv that make it look where pip looks.

    Raises:
        ExportError: pip is missing, or cannot read its settings.
    """
    done = _run(["-m", "pip", "--disable-pip-version-check", "config", "list"])
    if "No module named pip" in done.stderr:
        raise ExportError("pip is not installed:", f"{sys.executable} -m ensurepip.")
    if done.returncode:
        raise ExportError(f"pip cannot read its settings: {done.stderr.strip()}")
    by_section: dict[str, dict[str, str]] = {}
    for line in done.stdout.splitlines():
        name, _, value = line.partition("=")
        section, _, setting = name.rpartition(".")
        by_section.setdefault(section, {})[setting] = str(ast.literal_eval(value))
    settings: dict[str, str] = {}
    for section in ("global", "download", ":env:"):  # pip's own order: the last one counts
        settings |= by_section.get(section, {})
    options = ["--native-tls", "--index-strategy", "unsafe-best-match"]  # as pip does
    if settings.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        options.append("--no-index")
    for setting, option in _UV_OPTIONS.items():
        options += [part for value in settings.get(setting, "").split() for part in (option, value)]
    return options


def _remedy(said: str, platform: Platform) -> str:
    """Return what to do about wheels that cannot be had."""
    if any(word in line.lower() for line in said.splitlines() for word in _OFFLINE):
        return (
            "Is this machine offline? Connect it, or point pip at a folder of wheels: "
            "PIP_FIND_LINKS=DIR."
        )
    others = [
        name
        for name in platforms.EXAMPLES
        if (known := platforms.platform(name)).machine == platform.machine
        and known.python != platform.python
    ]
    return (
        f"There may be no wheel for this Python or C library (try --wheels {' or '.join(others)}), "
        "or PIP_CONSTRAINT or PIP_INDEX_URL holds it back."
    )
