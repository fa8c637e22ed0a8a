"""What one process at a time may write, by locks that end with their process, however it ends.

The lock is the kernel's, on a file beside what is written or on a folder. So ``kill -9`` leaves
none behind, and whoever has the lock may remove what its last holder left. A file system that knows
no locks (some NFS) gives none: there nobody is refused, and nothing is removed.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.files import remove_leftovers

_SCRATCH = ".cifarq-scratch-"  # no folder of anybody else is called so
_FILE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class InUseError(OSError):
    """Another process holds it."""


@dataclass(frozen=True)
class _Held:
    """An open file or folder, and whether the file system knows locks, so that it is locked."""

    descriptor: int
    locked: bool


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Keep a file or folder to this process, and remove what killed ones left beside it.

    Args:
        path: what is to be written; the folder around it must exist.

    Raises:
        InUseError: another process holds it.
        OSError: the folder around it cannot be written to.
    """
    lock = path.with_name(f".{path.name}.lock")
    while (held := _open_locked(lock, _FILE)) is None:
        pass
    try:
        if held.locked:
            remove_leftovers(path)
        yield
    finally:
        with suppress(OSError):
            lock.unlink(missing_ok=True)
        os.close(held.descriptor)


@contextmanager
def scratch(parent: Path | None = None) -> Iterator[Path]:
    """Yield a folder for files of the moment, and remove those that killed processes left.

    Args:
        parent: where; the system's folder for temporary files by default.

    Raises:
        OSError: it cannot be made.
    """
    parent = parent or Path(tempfile.gettempdir())
    _remove_abandoned(parent)
    folder, held = _make_locked(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held.descriptor)


def _make_locked(parent: Path) -> tuple[Path, _Held]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=parent))
        # Before it is locked, another process may take it for abandoned.
        with suppress(FileNotFoundError, InUseError):
            if held := _open_locked(folder, _FOLDER):
                return folder, held


def _remove_abandoned(parent: Path) -> None:
    """Remove this user's scratch folders that no process holds."""
    for folder in parent.glob(f"{_SCRATCH}*"):
        with suppress(OSError):
            if folder.lstat().st_uid == os.geteuid() and (held := _open_locked(folder, _FOLDER)):
                if held.locked:
                    shutil.rmtree(folder, ignore_errors=True)
                os.close(held.descriptor)


def _open_locked(path: Path, flags: int) -> _Held | None:
    """Open and lock a file or folder; None where it was removed before it was locked.

    Raises:
        InUseError: another process holds it.
        OSError: it cannot be opened.
    """
    descriptor = os.open(path, flags, 0o666)
    try:
        held = _Held(descriptor, _lock(descriptor))
        if _is_at(descriptor, path):
            return held
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InUseError(error.errno, "another process holds it") from error
    except OSError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False
