"""The wheels that travel with a bundle: all that a device without internet installs."""

import importlib.metadata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cifarq_export.bundle import wheel_download
from edge_runtime import engines
from edge_runtime.bundle.manifest import FileRecord, Wheelhouse
from edge_runtime.errors import ExportError, UsageError
from edge_runtime.files import sha256_of
from edge_runtime.setup.platforms import Platform
from edge_runtime.setup.wheels import parse

if TYPE_CHECKING:  # it loads what writes models; a wrong name is to be told of at once
    from cifarq_export.bundle.artifact import Watch

# Beside the engines: arrays; reading image files; and installing all of it, pip from its own wheel.
_ALWAYS = ("numpy>=1.24", "Pillow>=10", "pip>=23")


@dataclass(frozen=True)
class Wish:
    """Which wheels are wanted.

    Attributes:
        platform: whom they are for.
        asked_for: engines whose wheels come only where they are asked for, by name.

    Raises:
        UsageError: an engine has no wheel that can travel to such a machine.
    """

    platform: Platform
    asked_for: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name in sorted(self.asked_for):
            if why := engines.no_wheel(name, self.platform.machine):
                option = engines.get(name).ASKED_FOR
                raise UsageError(f"{option}: {why}.", f"Export without {option}.")

    def requirements(self, needed: Iterable[str]) -> tuple[str, ...]:
        """Return what the device needs for engines.

        Args:
            needed: engines of the bundle's artifacts.

        Raises:
            UsageError: an engine is asked for that no artifact uses.
        """
        names = {name for name in needed if not engines.get(name).ASKED_FOR}
        formats = {format_ for name in needed for format_ in engines.get(name).FORMATS}
        asked = {n for n in self.asked_for if not formats.isdisjoint(engines.get(n).FORMATS)}
        used = {engines.get(name).ASKED_FOR for name in asked}
        for option in sorted({engines.get(name).ASKED_FOR for name in self.asked_for} - used):
            run_by = next(n for n in sorted(self.asked_for) if option == engines.get(n).ASKED_FOR)
            raise UsageError(f"{option}: no artifact of this bundle is run by {run_by}.")
        return (*dict.fromkeys(_requirement(name) for name in sorted(names | asked)), *_ALWAYS)


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
        watch: told what is done.

    Raises:
        UsageError: an engine is asked for that no artifact uses.
        ExportError: the wheels cannot be had.
    """
    requirements = wish.requirements(needed)
    watch("choosing wheels", 0, 1)
    pins = wheel_download.resolve(requirements, wish.platform)
    watch("choosing wheels", 1, 1)
    folder.mkdir()
    watch(f"fetching {len(pins)} wheels", 0, 1)
    wheel_download.download(pins, wish.platform, folder)
    watch(f"fetching {len(pins)} wheels", 1, 1)
    paths = sorted(folder.iterdir())
    for path in paths:
        if problem := parse(path.name).problem(wish.platform):
            raise ExportError(f"pip fetched {path.name} for {wish.platform.name}, but {problem}.")
    records = (FileRecord(path.name, path.stat().st_size, sha256_of(path)) for path in paths)
    return Wheelhouse(wish.platform.name, tuple(records))


def warnings(wish: Wish, house: Wheelhouse, needed: Iterable[str]) -> list[str]:
    """Return what a user has to know of the wheels that came."""
    versions = {wheel.name: wheel.version for wheel in (parse(r.file) for r in house.wheels)}
    lines = []
    for name in sorted(set(needed)):
        engine, distribution = engines.get(name), engines.distribution(name)
        brought = versions.get(distribution)
        checked = _installed(distribution)
        if brought is None:
            why = engines.no_wheel(name, wish.platform.machine)
            remedy = f"{why}." if why else f"Add it with {engine.ASKED_FOR}{_note(name)}."
            lines.append(
                f"wheels/ brings no {distribution}: on the device the {'/'.join(engine.FORMATS)} "
                f"rows will say engine-missing. {remedy[0].upper()}{remedy[1:]}"
            )
        elif brought != checked:
            lines.append(
                f"wheels/ brings {distribution} {brought}, and the artifacts were checked with "
                f"{checked}: run doctor on the device, which loads each artifact."
            )
    return lines


def _note(name: str) -> str:
    note = engines.wheel_note(name)
    return f" ({note})" if note else ""


def _requirement(name: str) -> str:
    """Return an engine's requirement: no newer than the one that checks the artifacts here."""
    wheel = engines.get(name).WHEEL
    if any(sign in wheel for sign in "=<>~!") or not engines.is_installed(name):
        return wheel
    return f"{wheel}<={_installed(engines.distribution(name))}"


def _installed(distribution: str) -> str:
    return importlib.metadata.version(distribution).partition("+")[0]
