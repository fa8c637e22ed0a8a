"""Settings of engines that were found to be faster than their defaults on this device.

Kept beside the artifacts, in ``tuned.json``, which no manifest names. An entry holds for the file,
engine, version, CPU, threads and batch size that it was found with, and for nothing else.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edge_runtime import engines
from edge_runtime.bundle.manifest import Artifact
from edge_runtime.documents import json_file, strict
from edge_runtime.documents.strict import Positive
from edge_runtime.documents.values import to_json
from edge_runtime.errors import BundleError
from edge_runtime.files import write_text
from edge_runtime.probes import host

FILE = "tuned.json"
_SCHEMA = 1


@dataclass(frozen=True)
class Entry:
    """The settings that an artifact is fastest with on an engine.

    Attributes:
        sha256: of the artifact's file.
        engine, version: what runs it.
        cpu, cpus: of the device.
        threads, batch_size: what it was found with.
        knobs: the settings that are not the engine's defaults; none where these are fastest.
        speed: how many times as fast it is with them: the ratio and its 95 % interval.
    """

    sha256: str
    engine: str
    version: str
    cpu: str
    cpus: Positive
    threads: Positive
    batch_size: Positive
    knobs: dict[str, str]
    speed: tuple[float, ...] = ()


@dataclass(frozen=True)
class _Document:
    schema: int
    entries: tuple[Entry, ...] = ()


def entry(artifact: Artifact, engine: str, threads: int, batch_size: int) -> Entry:
    """Return the entry of an artifact on an engine on this device, with the engine's defaults."""
    here = host.describe()
    return Entry(
        sha256=artifact.sha256,
        engine=engine,
        version=engines.installed_version(engine),
        cpu=here.cpu or "",
        cpus=here.cpus or 1,
        threads=threads,
        batch_size=batch_size,
        knobs={},
    )


def find(
    bundle: Path, artifact: Artifact, engine: str, threads: int, batch_size: int
) -> dict[str, str]:
    """Return the settings that are faster here than the defaults; none where none are known.

    Raises:
        BundleError: the file is damaged.
    """
    if not (bundle / FILE).exists():
        return {}
    here = entry(artifact, engine, threads, batch_size)
    for known in read(bundle):
        if _same(known) == _same(here):
            possible = engines.knobs(engine)
            # A setting that this version no longer has is no setting.
            fits = all(value in possible.get(name, ()) for name, value in known.knobs.items())
            return known.knobs if fits else {}
    return {}


def read(bundle: Path) -> tuple[Entry, ...]:
    """Return what a bundle's file holds; nothing where there is none.

    Raises:
        BundleError: it is damaged, or of a later schema.
    """
    path = bundle / FILE
    if not path.exists():
        return ()
    try:
        document = strict.build(_Document, json_file.read(path))
    except (OSError, ValueError) as error:
        raise BundleError(f"{path} is damaged: {error}.", "Remove it, and --tune again.") from error
    if document.schema != _SCHEMA:
        raise BundleError(f"{path} has schema {document.schema}.", "Remove it, and --tune again.")
    return document.entries


def write(bundle: Path, found: Iterable[Entry]) -> None:
    """Add entries to a bundle's file, atomically; one of the same thing is replaced."""
    kept = {_same(one): one for one in (*read(bundle), *found)}
    document = {"schema": _SCHEMA, "entries": [to_json(one) for one in kept.values()]}
    write_text(bundle / FILE, json.dumps(document, indent=1) + "\n")


def _same(one: Entry) -> tuple[object, ...]:
    """Return what tells an entry from those of other things."""
    return one.sha256, one.engine, one.version, one.cpu, one.cpus, one.threads, one.batch_size
