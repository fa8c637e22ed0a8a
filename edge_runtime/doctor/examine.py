"""All that the doctor looks at, in the order in which it is read."""

from collections.abc import Iterator
from pathlib import Path

from edge_runtime.doctor import contents as contents_
from edge_runtime.doctor import engines, facts, system
from edge_runtime.doctor.contents import Contents
from edge_runtime.doctor.facts import Facts
from edge_runtime.doctor.finding import Finding, Level, unknown
from edge_runtime.setup.platforms import Device, platform


def here(bundle: Path | None, timeout_s: float) -> Iterator[Finding]:
    """Examine this device, and a bundle on it if there is one.

    Args:
        bundle: its folder.
        timeout_s: how long one artifact's check may take.

    Raises:
        BundleError: the folder is no bundle.
    """
    contents, findings = contents_.read(bundle) if bundle else (None, [_no_bundle()])
    known = facts.look_up(bundle or Path.cwd())
    yield from findings
    yield from _system(known, contents)
    tried = [engines.attempt(name, contents) for name in engines.wanted(contents)]
    works = any(one.works for one in tried)
    yield from engines.imports(tried, contents)
    yield from engines.checks(tried)
    if contents:
        yield from contents_.wheelhouse(contents, known, installed=works)
        if works:
            yield from engines.golden(contents, timeout_s)
    yield from system.memory(known, contents.manifest if contents else None)
    yield from contents_.disk(contents, known, installed=works)
    yield from _state(known)


def target(bundle: Path | None, device: Device) -> Iterator[Finding]:
    """Examine a bundle for a device that is not here.

    Raises:
        BundleError: the folder is no bundle.
        UsageError: its wheels are for a platform of an unknown name.
    """
    contents, findings = contents_.read(bundle) if bundle else (None, [_no_bundle()])
    house = contents.manifest.wheelhouse if contents else None
    known = facts.from_name(device, platform(house.platform) if house else None)
    yield from findings
    yield from _system(known, contents)
    if contents:
        yield from engines.to_come(contents, known)
        yield from contents_.wheelhouse(contents, known, installed=False)
        yield from engines.models(contents, known)
    yield from system.memory(known, contents.manifest if contents else None)
    yield from contents_.disk(contents, known, installed=False)
    yield from _state(known)


def worst(findings: list[Finding]) -> Level:
    """Return the level of the whole: fatal, else warning, else ok; what is unknown is neither."""
    levels = {finding.level for finding in findings}
    return next((level for level in (Level.FATAL, Level.WARNING) if level in levels), Level.OK)


def _system(known: Facts, contents: Contents | None) -> Iterator[Finding]:
    yield from system.userland(known)
    yield from system.python(known)
    yield from system.glibc(known)
    yield from system.processor(known, contents.manifest if contents else None)
    yield from system.emulation(known)


def _state(known: Facts) -> Iterator[Finding]:
    yield from system.governor(known)
    yield from system.cooling(known)
    yield from system.power(known)
    yield from system.energy(known)


def _no_bundle() -> Finding:
    return unknown("files", "no bundle is here", "give its folder: edge-bench doctor BUNDLE")
