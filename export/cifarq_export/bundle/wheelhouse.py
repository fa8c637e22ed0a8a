"""The wheels that travel with a bundle: all that a device without internet installs.

``pip download --platform`` chooses files for another machine and still evaluates the markers of
their requirements for the one it runs on: on an x86 host PyTorch for a Raspberry Pi would bring
CUDA. So pip fetches one wheel at a time, without what it needs, and what it needs is read from the
wheel and judged for the device.
"""

import importlib.metadata
import tempfile
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from cifarq_export.bundle import wheel_download
from edge_runtime import engines
from edge_runtime.bundle.manifest import Artifact, FileRecord, Wheelhouse
from edge_runtime.errors import ExportError, UsageError
from edge_runtime.files import sha256_of
from edge_runtime.setup import onnx_support
from edge_runtime.setup.platforms import COMMON_GLIBC, Platform
from edge_runtime.setup.wheels import parse

if TYPE_CHECKING:  # it loads what writes models; a wrong name is to be told of at once
    from cifarq_export.bundle.artifact import Watch

ONNX_WRITTEN = (10, 18)
"""IR version and opset of the ONNX files that are made of a PyTorch model."""

TORCH = "torch"
_LAST_CPU_TORCH = "2.9.1"
"""PyPI's last aarch64 build of PyTorch for the CPU alone."""

_ONNXRUNTIME = "onnxruntime"

# Beside the engines: arrays; reading image files; and installing all of it, pip from its own wheel.
_ALWAYS = ("numpy>=1.24", "Pillow>=10", "pip>=23")


@dataclass(frozen=True)
class Wish:
    """Which wheels are wanted.

    Attributes:
        platform: whom they are for.
        with_torch: PyTorch too, which is large.

    Raises:
        UsageError: PyTorch, where PyPI has it with CUDA only.
    """

    platform: Platform
    with_torch: bool = False

    def __post_init__(self) -> None:
        if self.with_torch and self.platform.machine != "aarch64":
            raise UsageError(
                f"--with-torch is for aarch64: on PyPI the {self.platform.machine} wheels of "
                "PyTorch are CUDA builds of several GB. Export without it: the device can fetch "
                "the CPU build from PyTorch's own package index, or leave TorchScript out with "
                "--format onnx."
            )

    def requirements(self, needed: Iterable[str]) -> tuple[str, ...]:
        """Return what the device needs for engines, the most demanding first.

        Args:
            needed: engines of the bundle's artifacts.

        Raises:
            UsageError: PyTorch is wanted, and no artifact uses it.
        """
        if self.with_torch and TORCH not in needed:
            raise UsageError("--with-torch: nothing in this bundle is run by PyTorch.")
        found = []
        for name in sorted(needed):
            if name == TORCH:
                found += [f"{TORCH}=={_LAST_CPU_TORCH}"] if self.with_torch else []
            else:
                # No newer than the one that checks the artifacts here.
                distribution = engines.get(name).REQUIRES
                found.append(f"{distribution}<={_installed(distribution)}")
        return (*found, *_ALWAYS)


@dataclass(frozen=True)
class _Asked:
    """A requirement, and what asks for it."""

    requirement: Requirement
    by: str


@dataclass(frozen=True)
class _Fetched:
    """A wheel that is there."""

    version: Version
    needs: tuple[Requirement, ...]
    by: str


def fill(
    folder: Path,
    wish: Wish,
    needed: Iterable[str],
    watch: "Watch" = lambda what, done, total: None,
) -> Wheelhouse:
    """Fetch the wheels that a device needs into a new folder.

    Args:
        folder: is made.
        wish: which are wanted.
        needed: engines of the bundle's artifacts.
        watch: told which wheel is fetched.

    Raises:
        UsageError: PyTorch is wanted, and no artifact uses it.
        ExportError: a wheel cannot be had, two of them do not agree, or ONNX Runtime is too old.
    """
    requirements = wish.requirements(tuple(needed))
    folder.mkdir()
    house: dict[str, _Fetched] = {}
    expanded: set[tuple[str, str]] = set()
    queue = deque(_Asked(Requirement(text), "edge-bench") for text in requirements)
    while queue:
        asked = queue.popleft()
        name = canonicalize_name(asked.requirement.name)
        if name not in house:
            watch(f"fetching {name}", 0, 1)
            house[name] = _fetch(asked, wish.platform, folder)
            if name == _ONNXRUNTIME:
                _require_reading(house[name].version, wish.platform, *ONNX_WRITTEN)
            watch(f"fetching {name}", 1, 1)
        found = house[name]
        _require_agreement(asked, found)
        for extra in ("", *sorted(asked.requirement.extras)):
            if (name, extra) not in expanded:
                expanded.add((name, extra))
                applying = (n for n in found.needs if applies(n, wish.platform, extra))
                queue.extend(_Asked(need, f"{name} {found.version}") for need in applying)
    return Wheelhouse(
        wish.platform.name,
        tuple(
            FileRecord(path.name, path.stat().st_size, sha256_of(path))
            for path in sorted(folder.iterdir())
        ),
    )


def require_reading(wish: Wish, house: Wheelhouse, artifacts: Iterable[Artifact]) -> None:
    """Check that no ONNX file is newer than the engine that comes along can read.

    ``fill`` has looked at what is usual; a file of another exporter may be newer than that.

    Raises:
        ExportError: one is.
    """
    versions = _versions(house)
    for artifact in artifacts:
        if artifact.ir_version and artifact.opset and _ONNXRUNTIME in versions:
            version = Version(versions[_ONNXRUNTIME])
            _require_reading(version, wish.platform, artifact.ir_version, artifact.opset)


def applies(requirement: Requirement, platform: Platform, extra: str = "") -> bool:
    """Say whether a wheel's requirement is one on a platform, whatever machine this is."""
    if requirement.marker is None:
        return True
    version = f"{platform.python[0]}.{platform.python[1]}"
    return requirement.marker.evaluate(
        {
            "implementation_name": "cpython",
            "implementation_version": f"{version}.0",
            "os_name": "posix",
            "platform_machine": platform.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{version}.0",
            "python_version": version,
            "sys_platform": "linux",
            "extra": extra,
        }
    )


def warnings(wish: Wish, house: Wheelhouse, needed: Iterable[str]) -> list[str]:
    """Return what a user has to know of the wheels that came."""
    versions = _versions(house)
    found, names = [], set(needed)
    if TORCH in names and TORCH not in versions:
        rows = "all rows" if names == {TORCH} else "the TorchScript rows"
        remedy = (
            "Add it with --with-torch (about 115 MB to copy, 500 MB installed)"
            if wish.platform.machine == "aarch64"
            else "Leave TorchScript out with --format onnx"
        )
        found.append(
            f"wheels/ brings no PyTorch: on the device {rows} will say engine-missing. {remedy}."
        )
    for name in sorted(names - {TORCH}):
        distribution = engines.get(name).REQUIRES
        brought, here = Version(versions[distribution]), Version(_installed(distribution))
        if brought < here:
            found.append(
                f"wheels/ brings {distribution} {brought}, the newest for {wish.platform.name}; "
                f"the artifacts were checked with {here}."
            )
    return found


def _versions(house: Wheelhouse) -> dict[str, str]:
    return {wheel.name: wheel.version for wheel in (parse(r.file) for r in house.wheels)}


def _require_reading(version: Version, platform: Platform, ir_version: int, opset: int) -> None:
    needed = onnx_support.needed(str(version), ir_version, opset)
    if needed is None:
        return
    remedy = (
        f"Give the device a system with glibc {'.'.join(map(str, COMMON_GLIBC))} or newer, and "
        f"export for that: --wheels linux-{platform.machine}-py3.{platform.python[1]}."
        if platform.glibc < COMMON_GLIBC
        else "Let pip find a newer one: PIP_CONSTRAINT or PIP_INDEX_URL may hold it back."
    )
    raise ExportError(
        f"{_ONNXRUNTIME} {version} is the newest that pip finds for {platform.name}, and the ONNX "
        f"files (IR version {ir_version}, opset {opset}) need {needed}. {remedy}"
    )


def _installed(distribution: str) -> str:
    return Version(importlib.metadata.version(distribution)).public


def _fetch(asked: _Asked, platform: Platform, folder: Path) -> _Fetched:
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        path = wheel_download.fetch(asked.requirement, asked.by, platform, Path(scratch))
        wheel = parse(path.name)
        if problem := wheel.problem(platform):
            raise ExportError(f"pip fetched {path.name} for {platform.name}, but {problem}.")
        needs = wheel_download.requirements_of(path)
        path.replace(folder / path.name)
    return _Fetched(Version(wheel.version), needs, asked.by)


def _require_agreement(asked: _Asked, found: _Fetched) -> None:
    wanted = asked.requirement
    if not wanted.specifier.contains(found.version, prereleases=True):
        raise ExportError(
            f"{asked.by} needs {wanted.name}{wanted.specifier}, and {wanted.name} {found.version} "
            f"was fetched for {found.by}. Name a version that both accept in a file, as "
            f"{wanted.name}==VERSION, and let pip read it: PIP_CONSTRAINT=FILE cifarq-export ..."
        )
