"""Writing files whole or not at all, knowing that a file is the one that was meant, and sizes."""

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

LEFTOVER = ".part"
"""How the name of a file that is being written ends."""


def megabytes(size_bytes: float) -> str:
    """Return a size as messages say it; MB = 1,048,576 bytes, as in edge-bench's tables."""
    return f"{size_bytes / 2**20:,.0f} MB"


def remove_leftovers(path: Path) -> None:
    """Remove what processes that were killed while they wrote ``path`` left beside it.

    Raises:
        OSError: the folder cannot be read or written to.
    """
    for beside in path.parent.iterdir():
        if beside.name.startswith(f".{path.name}.") and beside.name.endswith(LEFTOVER):
            beside.unlink(missing_ok=True)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it replaces ``path``, else it is removed.

    Args:
        path: the file to be written; its folder must exist.

    Raises:
        OSError: the folder cannot be written to; ``path`` is untouched.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{LEFTOVER}")
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


def sha256_of(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
