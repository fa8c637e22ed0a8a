"""Whether the files of a bundle are those that its manifest means, by their SHA-256.

What is loaded is what was hashed: ``read`` returns bytes, not a path whose file may be another one
by the time it is opened again.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from edge_runtime.bundle.manifest import Artifact, FileRecord, Manifest
from edge_runtime.bundle.paths import FILE, GOLDEN_FILE, WHEELS_FOLDER, inside, wheels_folder
from edge_runtime.errors import BundleError
from edge_runtime.files import open_regular, read_regular

MOST_BYTES = 2**32
"""No file of a bundle is larger: a protocol buffer, as ONNX files are, holds 2 GB at most."""


def read(bundle: Path, record: FileRecord | Artifact) -> bytes:
    """Return what a file of a bundle holds, after checking the hash of just these bytes.

    Raises:
        BundleError: it is missing, outside the bundle, or its SHA-256 is another.
    """
    path = inside(bundle, record.file)
    try:
        content = read_regular(path, MOST_BYTES)
    except OSError as error:
        raise _unreadable(record, error) from error
    _require(record, len(content), hashlib.sha256(content).hexdigest())
    return content


def read_golden(bundle: Path, content: Manifest) -> bytes:
    """Return what a bundle's golden pack holds, after checking its hash.

    Raises:
        BundleError: it is missing or corrupt.
    """
    for record in content.files:
        if record.file == GOLDEN_FILE:
            return read(bundle, record)
    raise BundleError(f"{bundle / FILE} names no {GOLDEN_FILE}.", "Export the bundle again.")


def verify(bundle: Path, record: FileRecord | Artifact) -> None:
    """Check the hash of a bundle's file, of which only a piece is in memory at a time.

    Raises:
        BundleError: it is missing, outside the bundle, or its SHA-256 is another.
    """
    path = inside(bundle, record.file)
    try:
        with open_regular(path, MOST_BYTES) as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
    except OSError as error:
        raise _unreadable(record, error) from error
    _require(record, size, sha256)


def problems(bundle: Path, records: Iterable[FileRecord | Artifact]) -> list[BundleError]:
    """Return what is wrong with files of a bundle."""
    errors = []
    for record in records:
        try:
            verify(bundle, record)
        except BundleError as error:
            errors.append(error)
    return errors


def whole_wheels(bundle: Path, content: Manifest) -> tuple[list[Path], list[BundleError]]:
    """Return the wheels that are whole, and what is wrong with the others."""
    files, errors = [], []
    for wheel in content.wheelhouse.wheels if content.wheelhouse else ():
        try:
            folder = wheels_folder(bundle)
            verify(folder, wheel)
            files.append(folder / wheel.file)
        except BundleError as error:
            errors.append(BundleError(f"{WHEELS_FOLDER}/{error.what}", error.remedy))
    return files, errors


def _unreadable(record: FileRecord | Artifact, error: OSError) -> BundleError:
    return BundleError(
        f"{record.file}: cannot read it ({error.strerror}).", "Copy the bundle again."
    )


def _require(record: FileRecord | Artifact, size: int, sha256: str) -> None:
    """Refuse a file with another hash than its manifest says."""
    if sha256 != record.sha256:
        raise BundleError(
            f"{record.file}: corrupt, {size} bytes with SHA-256 {sha256[:12]}... where the "
            f"manifest says {record.size_bytes} bytes with {record.sha256[:12]}....",
            "Copy it again.",
        )
