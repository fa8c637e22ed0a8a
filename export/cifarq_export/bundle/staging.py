"""A folder that takes its place whole or not at all: it is written beside it, then moved in."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_runtime.bundle import manifest
from edge_runtime.errors import BundleError, ExportError
from edge_runtime.files import part_of
from edge_runtime.locks import InUseError, hold


@contextmanager
def stage(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield an empty folder beside ``out`` that takes its place on success and vanishes on failure.

    Meanwhile no other export may write to ``out``, and what killed ones left beside it is removed.
    With ``overwrite``, the files of the bundle in ``out`` are replaced; what its manifest does not
    name (a results file, say) stays.

    Raises:
        ExportError: ``out`` is occupied and ``overwrite`` is not given, is no bundle, is written
            by another export, or cannot be written to.
    """
    _require_free(out, overwrite=overwrite)
    beside = part_of(out.resolve())
    try:
        beside.parent.mkdir(parents=True, exist_ok=True)
        with hold(out.resolve()):
            try:
                beside.mkdir()
                yield beside
                _require_free(out, overwrite=overwrite)  # still, where the file system has no locks
                _take_place(beside, out.resolve())
            finally:
                shutil.rmtree(beside, ignore_errors=True)
    except InUseError as error:
        raise ExportError(
            f"another export is writing to --out {out}.",
            "Wait for its end, or give another folder.",
        ) from error
    except OSError as error:
        where = Path(str(error.filename)) if error.filename else beside
        if not (where.is_relative_to(beside) or beside.is_relative_to(where)):
            raise ExportError(f"{where}: {error.strerror}. No bundle was written.") from error
        raise ExportError(
            f"cannot write to --out {out}: {error.strerror or error}. No bundle was written."
        ) from error


def _require_free(out: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds something, unless that is a bundle which is to be replaced."""
    if out.exists() and not out.is_dir():
        raise ExportError(f"--out {out} is a file.", "Give a folder.")
    if not out.is_dir() or not any(out.iterdir()):
        return
    if not overwrite:
        raise ExportError(f"--out {out} is not empty.", "Give --overwrite, or another folder.")
    if not (out / manifest.FILE).is_file():
        raise ExportError(
            f"--overwrite replaces a bundle, and --out {out} holds something else (no "
            f"{manifest.FILE}).",
            "Give another folder.",
        )


def _take_place(beside: Path, out: Path) -> None:
    """Move the new files in, manifest last: until then the old one tells of the change."""
    if not out.exists():
        beside.replace(out)
        return
    wheels = out / manifest.WHEELS_FOLDER
    if wheels.is_symlink():
        raise ExportError(f"{wheels} is a link. A bundle never points outside itself: remove it.")
    new = {path.relative_to(beside) for path in beside.rglob("*") if path.is_file()}
    for name in {name.parent for name in new}:
        (out / name).mkdir(exist_ok=True)
    for name in new - {Path(manifest.FILE)}:
        (beside / name).replace(out / name)
    for name in _named_by_manifest(out) - new:
        (out / name).unlink(missing_ok=True)
    if wheels.is_dir() and not any(wheels.iterdir()):
        wheels.rmdir()
    (beside / manifest.FILE).replace(out / manifest.FILE)


def _named_by_manifest(bundle: Path) -> set[Path]:
    try:
        return set(map(Path, manifest.read(bundle).paths))
    except BundleError:
        return set()
