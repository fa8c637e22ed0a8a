"""Whether a bundle is whole, and what it brings is for this device."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.bundle import integrity, manifest
from edge_runtime.bundle.manifest import Manifest
from edge_runtime.doctor.facts import Facts
from edge_runtime.doctor.finding import Finding, fatal, ok, unknown, warning
from edge_runtime.errors import BundleError
from edge_runtime.files import megabytes
from edge_runtime.setup import wheels
from edge_runtime.setup.fit import SetupError, name_of, needed_bytes
from edge_runtime.setup.platforms import Platform
from edge_runtime.setup.wheels import Wheel

_RESULTS_BYTES = 20 * 2**20
"""What a results file of many rows may come to."""


@dataclass(frozen=True)
class Contents:
    """A bundle that was read.

    Attributes:
        bundle: its folder.
        manifest: what it says of itself.
        wheels: those that are whole, by path.
    """

    bundle: Path
    manifest: Manifest
    wheels: dict[Path, Wheel]

    def wheel(self, name: str) -> Wheel | None:
        """Return the wheel of a distribution, if it came along whole."""
        return next((wheel for wheel in self.wheels.values() if wheel.name == name), None)


def read(bundle: Path) -> tuple[Contents, list[Finding]]:
    """Read a bundle, and look at every file's hash.

    Raises:
        BundleError: it is no bundle, or its manifest is damaged.
    """
    content = manifest.read(bundle)
    problems = integrity.problems(bundle, (*content.files, *content.artifacts))
    files, broken = integrity.whole_wheels(bundle, content) if _has_wheels(bundle) else ([], [])
    whole: dict[Path, Wheel] = {}
    for file in files:
        try:
            whole[file] = wheels.parse(file.name)
        except BundleError as error:
            broken.append(BundleError(f"{manifest.WHEELS_FOLDER}/{error.what}", error.remedy))
    findings = [
        fatal("files", error.what, error.remedy or "Copy the bundle again.")
        for error in (*problems, *broken)
    ]
    if not findings:
        count = len(content.names) + len(whole)
        findings = [ok("files", f"{count} files have the SHA-256 that the manifest names")]
    return Contents(bundle, content, whole), findings


def wheelhouse(contents: Contents, facts: Facts, *, installed: bool) -> Iterator[Finding]:
    """Look at whether the wheels fit this Python, C library and machine.

    Args:
        contents: the bundle.
        facts: what is known of the device.
        installed: whether an engine works there without them.
    """
    house = contents.manifest.wheelhouse
    if house is None:
        yield unknown(
            "wheels",
            "none in the bundle",
            "" if facts.here else "export with --wheels NAME for a device without internet",
        )
        return
    platform = facts.platform.value
    if platform is None:
        yield unknown("wheels", facts.platform.reason)
        return
    level = warning if installed else fatal
    if not _has_wheels(contents.bundle):
        text = f"the folder {manifest.WHEELS_FOLDER}/ is not here"
        if installed:
            yield ok("wheels", f"{text}, and the engine is installed")
        else:
            yield fatal("wheels", text, "copy the bundle again")
        return
    problems = [why for wheel in contents.wheels.values() if (why := wheel.problem(platform))]
    for number, why in enumerate(problems, 1):  # one remedy for all of them, below the last
        remedy = _export_for(platform, house.platform) if number == len(problems) else ""
        yield level("wheels", why, remedy)
    if not problems:
        yield ok("wheels", f"{len(contents.wheels)} wheels for {house.platform} fit")


def disk(contents: Contents | None, facts: Facts, *, installed: bool) -> Iterator[Finding]:
    """Look at what disk is free, against what is still to be written."""
    free = facts.disk_bytes
    if free.value is None:
        yield unknown("disk", free.reason)
        return
    need = 0
    if contents is not None and contents.wheels and not installed:
        try:
            need = needed_bytes(list(contents.wheels))
        except SetupError as error:
            yield fatal("wheels", error.what, error.remedy)
    if free.value < need:
        text = f"{megabytes(free.value)} free, installing the wheels needs {megabytes(need)}"
        yield fatal("disk", text, "free some space, or copy the bundle to a larger disk")
    elif free.value < need + _RESULTS_BYTES:
        yield warning(
            "disk", f"{megabytes(free.value)} free", "free some space: results are written here"
        )
    else:
        yield ok("disk", f"{megabytes(free.value)} free")


def _has_wheels(bundle: Path) -> bool:
    """Whether the folder of wheels is there: once they are installed it may be removed."""
    return (bundle / manifest.WHEELS_FOLDER).exists()


def _export_for(platform: Platform, meant: str) -> str:
    name = name_of(platform)
    remedy = f"export with --wheels {name}" if name else "no engine has wheels for such a device"
    return f"{remedy}; these are for {meant}"
