"""Probes, one quantity a file: each says its source, or why it has no value.

What cannot be read is *unknown* with its reason: never *ok*, never an estimate, never an exception.

A probe of the machine takes the root under which it finds /proc and /sys, so that a test can give
it a tree of its own.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

ROOT = Path("/")

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Reading(Generic[T_co]):
    """A value that was read, or the reason why there is none.

    Attributes:
        value: the value, in the unit that the probe's function names; None where unknown.
        source: the file, command or call it was read from.
        reason: why there is no value; empty where there is one.
    """

    value: T_co | None
    source: str
    reason: str = ""


def text_of(path: Path) -> str:
    """Return what a file holds, without blanks and NULs around it; '' where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip(" \t\n\0")
    except (OSError, ValueError):  # ValueError: a path with a NUL in it
        return ""


def texts_of(root: Path, pattern: str) -> dict[Path, str]:
    """Return what the files of a pattern under a root hold, by path, in the paths' order."""
    try:
        return {path: text_of(path) for path in sorted(root.glob(pattern))}
    except OSError:
        return {}


def count_of(text: str) -> int | None:
    """Return the count that a text is in decimal digits; None where it is anything else.

    ``int`` alone takes more: signs, underscores, blanks, and digits that the kernel never writes.
    """
    return int(text) if re.fullmatch("[0-9]{1,20}", text) else None
