"""A finding: one thing that was looked at, how it is, and what to do."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FATAL = "fatal"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One line.

    Attributes:
        level: how it is.
        name: what was looked at.
        text: what was found, with its value.
        remedy: what to do; empty where there is nothing to do.
    """

    level: Level
    name: str
    text: str
    remedy: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the finding as JSON values."""
        return asdict(self)


def ok(name: str, text: str) -> Finding:
    """Return a finding with nothing to do."""
    return Finding(Level.OK, name, text)


def warning(name: str, text: str, remedy: str) -> Finding:
    """Return a finding with which the device works, but not well."""
    return Finding(Level.WARNING, name, text, remedy)


def fatal(name: str, text: str, remedy: str) -> Finding:
    """Return a finding with which the device does not work."""
    return Finding(Level.FATAL, name, text, remedy)


def unknown(name: str, reason: str, remedy: str = "") -> Finding:
    """Return what could not be looked at, and why: never called ok."""
    return Finding(Level.UNKNOWN, name, reason, remedy)
