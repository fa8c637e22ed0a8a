"""Whether the files of a bundle are those that its manifest means, by their SHA-256."""

from collections.abc import Iterable
from pathlib import Path

from edge_runtime.bundle.manifest import Artifact, FileRecord, Manifest
from edge_runtime.bundle.paths import FILE, GOLDEN_FILE, WHEELS_FOLDER, inside, wheels_folder
from edge_runtime.errors import BundleError
from edge_runtime.files import sha256_of


def verify(bundle: Path, record: FileRecord | Artifact) -> Path:
    """Return the path of a bundle's file after checking its hash.

    Raises:
        BundleError: it is missing, outside the bundle, or its SHA-256 is another.
    """
    path = inside(bundle, record.file)
    try:
        size, sha256 = path.stat().st_size, sha256_of(path)
    except OSError as error:
        raise BundleError(
            f"{record.file}: cannot read it ({error.strerror}).", "Copy the bundle again."
        ) from error
    if sha256 != record.sha256:
        raise BundleError(
            f"{record.file}: corrupt, {size} bytes with SHA-256 {sha256[:12]}... where the "
            f"manifest says {record.size_bytes} bytes with {record.sha256[:12]}....",
            "Copy it again.",
        )
    return path


def verify_wheel(bundle: Path, record: FileRecord) -> Path:
    """Return the path of a wheel after checking its hash.

    Raises:
        BundleError: it is missing, outside the bundle, or its SHA-256 is another.
    """
    return verify(wheels_folder(bundle), record)


def verify_golden(bundle: Path, content: Manifest) -> Path:
    """Return the path of a bundle's golden pack after checking its hash.

    Raises:
        BundleError: it is missing or corrupt.
    """
    for record in content.files:
        if record.file == GOLDEN_FILE:
            return verify(bundle, record)
    raise BundleError(f"{bundle / FILE} names no {GOLDEN_FILE}.", "Export the bundle again.")


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
            files.append(verify_wheel(bundle, wheel))
        except BundleError as error:
            errors.append(BundleError(f"{WHEELS_FOLDER}/{error.what}", error.remedy))
    return files, errors
