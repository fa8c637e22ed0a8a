"""Writing files whole or not at all, reading them within bounds, their hashes and sizes."""

import errno
import hashlib
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path


def megabytes(size_bytes: float) -> str:
    """Return a size as messages say it; MB = 1,048,576 bytes, as in edge-bench's tables."""
    return f"{size_bytes / 2**20:,.0f} MB"


@contextmanager
def in_memory(content: bytes) -> Iterator[str]:
    """Yield the path of a file that holds ``content`` and is on no disk, on Linux.

    For libraries that open files by name, and are to read the very bytes that were hashed.
    """
    with os.fdopen(os.memfd_create("cifarq"), "wb") as file:
        file.write(content)
        file.flush()
        yield f"/proc/self/fd/{file.fileno()}"


def part_of(path: Path) -> Path:
    """Return where ``path`` is written before it takes its place: a new hidden name beside it."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")


def remove_leftovers(path: Path) -> None:
    """Remove what processes that were killed while they wrote ``path`` left beside it.

    What cannot be removed (another user's) is in nobody's way.

    Raises:
        OSError: the folder cannot be read.
    """
    name = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}\.part")
    for beside in path.parent.iterdir():
        if not name.fullmatch(beside.name):
            continue
        if beside.is_dir() and not beside.is_symlink():
            shutil.rmtree(beside, ignore_errors=True)
        else:
            with suppress(OSError):
                beside.unlink()


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it replaces ``path``, else it is removed.

    Args:
        path: the file to be written; its folder must exist.

    Raises:
        OSError: the folder cannot be written to; ``path`` is untouched.
    """
    temporary = part_of(path)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically and durably (fsync before the rename)."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_pieces(path: Path, pieces: Iterable[str]) -> None:
    """Write text that comes in pieces as UTF-8 to ``path``, atomically and durably."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.writelines(pieces)
        file.flush()
        os.fsync(file.fileno())


def write_text(path: Path, content: str) -> None:
    """Write ``content`` as UTF-8 to ``path`` atomically."""
    write_bytes(path, content.encode())


def open_regular(path: Path, most_bytes: int) -> BufferedReader:
    """Open a regular file for reading: never a pipe, which would wait, nor a device without end.

    Args:
        path: may be a link to a regular file.
        most_bytes: the largest size that makes sense here.

    Raises:
        OSError: it cannot be opened, is no regular file (``EINVAL``) or is larger (``EFBIG``);
            ``strerror`` says which.
    """
    # Without O_NONBLOCK the opening of a named pipe waits for somebody who writes.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if status.st_size > most_bytes:
            raise OSError(errno.EFBIG, f"larger than {megabytes(most_bytes)}", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path, most_bytes: int) -> bytes:
    """Return the bytes of a regular file: see ``open_regular``.

    Raises:
        OSError: as ``open_regular`` says, also for a file that grows while it is read.
    """
    with open_regular(path, most_bytes) as file:
        # Python takes memory for all the bytes that are asked for, there or not.
        size = os.fstat(file.fileno()).st_size
        content = file.read(size + 1)
    if len(content) > size:
        raise OSError(errno.EFBIG, "it grows while it is read", str(path))
    return content


def sha256_of(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
