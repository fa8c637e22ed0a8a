"""A bundle as one file to copy: the same bundle gives the same bytes."""

import gzip
import tarfile
from pathlib import Path

from edge_runtime.bundle import manifest
from edge_runtime.bundle.manifest import Manifest
from edge_runtime.errors import ExportError
from edge_runtime.files import atomic_path
from edge_runtime.locks import hold

SUFFIX = ".tar.gz"

_DATE = 315_532_800
"""1980-01-01 UTC, which the bundle's zip files have too; tar takes 0 for a mistake, and says so."""
_LEVEL = 6
_PROGRAMS = (manifest.RUNTIME_FILE, manifest.SETUP_FILE)


def path_for(bundle: Path) -> Path:
    """Return where the archive of a bundle goes: beside it."""
    folder = bundle.resolve()
    return folder.with_name(folder.name + SUFFIX)


def require_free(bundle: Path, *, overwrite: bool) -> None:
    """Check that a bundle's archive may be written.

    Raises:
        ExportError: there is something already, which is not to be replaced.
    """
    path = path_for(bundle)
    if path.is_dir():
        raise ExportError(f"--archive writes {path}, which is a folder.", "Give another --out.")
    if path.exists() and not overwrite:
        raise ExportError(f"--archive: {path} exists.", "Give --overwrite, or another --out.")


def write(bundle: Path, content: Manifest) -> Path:
    """Write a bundle as a gzipped tar file beside it, and return its path.

    It holds one folder, named like the bundle, with the files that the manifest names and the
    manifest. What else lies in the bundle stays at home.

    Args:
        bundle: the folder.
        content: its manifest.

    Raises:
        ExportError: it cannot be written.
    """
    path = path_for(bundle)
    try:
        with (
            hold(path),
            atomic_path(path) as temporary,
            temporary.open("wb") as file,
            # Neither a name nor a date in its header.
            gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            for name in sorted((manifest.FILE, *content.paths)):
                _add(archive, bundle / name, f"{bundle.resolve().name}/{name}")
    except OSError as error:
        raise ExportError(
            f"cannot write {path}: {error.strerror or error}. The bundle is complete; only its "
            "archive is not."
        ) from error
    return path


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    """Add a file whose owner, date and permissions are nobody's."""
    entry = tarfile.TarInfo(name)
    entry.size = path.stat().st_size
    entry.mtime = _DATE
    entry.mode = 0o755 if path.name in _PROGRAMS else 0o644
    with path.open("rb") as file:
        archive.addfile(entry, file)
