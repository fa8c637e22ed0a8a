"""Probes, one quantity a file: each says its source, or why it has no value.

What cannot be read is *unknown* with its reason: never *ok*, and never an estimate.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """A value that was read, or the reason why there is none.

    Attributes:
        value: the value, in the unit that the probe's function names; None where unknown.
        source: the file or command it was read from.
        reason: why there is no value; empty where there is one.
    """

    value: int | None
    source: str
    reason: str = ""
