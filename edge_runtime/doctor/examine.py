"""All that the doctor looks at, in the order in which it is read."""

from collections.abc import Iterator
from pathlib import Path

from edge_runtime.doctor import contents as contents_
from edge_runtime.doctor import engines, facts, system
from edge_runtime.doctor.contents import Contents
from edge_runtime.doctor.facts import Facts
from edge_runtime.doctor.finding import Finding, Level, unknown
from edge_runtime.setup.platforms import Device, platform


def here(bundle: Path | None) -> Iterator[Finding]:
    """Examine this device, and a bundle on it if there is one.

    Raises:
        BundleError: the folder is no bundle.
    """
    found, broken = contents_.read(bundle) if bundle else (None, [_no_bundle()])
    known = facts.looked_up(bundle or Path.cwd())
    yield from broken
    yield from _system(known, found)
    tried = [engines.attempt(name, found) for name in engines.wanted(found)]
    works = any(one.works for one in tried)
    yield from engines.imports(tried, found)
    yield from engines.checks(tried)
    if found:
        yield from contents_.wheelhouse(found, known, installed=works)
        if works:
            yield from engines.golden(found)
    yield from system.memory(known, found.manifest if found else None)
    yield from contents_.disk(found, known, installed=works)
    yield from _state(known)


def target(bundle: Path | None, device: Device) -> Iterator[Finding]:
    """Examine a bundle for a device that is not here.

    Raises:
        BundleError: the folder is no bundle.
        UsageError: its wheels are for a platform of an unknown name.
    """
    found, broken = contents_.read(bundle) if bundle else (None, [_no_bundle()])
    house = found.manifest.wheelhouse if found else None
    known = facts.named(device, platform(house.platform) if house else None)
    yield from broken
    yield from _system(known, found)
    if found:
        yield from engines.to_come(found, known)
        yield from contents_.wheelhouse(found, known, installed=False)
        yield from engines.models(found, known)
    yield from system.memory(known, found.manifest if found else None)
    yield from contents_.disk(found, known, installed=False)
    yield from _state(known)


def worst(findings: list[Finding]) -> Level:
    """Return the level of the whole: fatal, else warning, else ok; what is unknown is neither."""
    levels = {finding.level for finding in findings}
    return next((level for level in (Level.FATAL, Level.WARNING) if level in levels), Level.OK)


def _system(known: Facts, found: Contents | None) -> Iterator[Finding]:
    yield from system.userland(known)
    yield from system.python(known)
    yield from system.glibc(known)
    yield from system.processor(known, found.manifest if found else None)
    yield from system.emulation(known)


def _state(known: Facts) -> Iterator[Finding]:
    yield from system.governor(known)
    yield from system.cooling(known)
    yield from system.power(known)


def _no_bundle() -> Finding:
    return unknown("files", "no bundle is here", "give its folder: edge-bench doctor BUNDLE")
