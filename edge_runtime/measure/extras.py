"""What a run measures of each row beside its latency, when it is asked to, after all rounds.

One kind a line of ``EXTRAS``. A row's process for it is another than those that were timed, so that
neither disturbs the other; rows take their processes one after the other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from edge_runtime.measure.energy import Windows
from edge_runtime.measure.request import Profiling
from edge_runtime.measure.sustained import Load
from edge_runtime.probes.energy import find
from edge_runtime.results.energy import Energy
from edge_runtime.results.profile import Profile
from edge_runtime.results.rows import Row
from edge_runtime.results.settings import Settings
from edge_runtime.results.sustained import Sustained


@dataclass(frozen=True)
class Extra:
    """One kind.

    Attributes:
        name: the field of ``Request`` that asks for it, of ``Answer`` that brings it, and of
            ``Row`` that keeps it; None in each where it is absent. ``Settings.extras`` says which
            of them a run asks for.
        asked: returns what a request says of it.
        takes_s: returns the seconds that it takes by its nature; ``--timeout`` comes on top.
        failed: returns what is kept of a row whose process did not come to its end, with a reason.
        unavailable: returns what is kept of a row, with a reason, where this machine cannot measure
            it: no process is started then. None where it can.
    """

    name: str
    asked: Callable[[Settings], Any]
    takes_s: Callable[[Settings], float]
    failed: Callable[[str], Any]
    unavailable: Callable[[], Any] = lambda: None


def _without_source() -> Energy | None:
    found = find()
    return Energy(reason=found.reason) if found.value is None else None


PROFILE_S = 3.0
"""Seconds of profiled calls: hundreds of a small network's, on a board too."""

EXTRAS: tuple[Extra, ...] = (
    Extra(
        "energy",
        asked=lambda settings: Windows(),
        takes_s=lambda settings: Windows().takes_s,
        failed=lambda reason: Energy(reason=reason),
        unavailable=_without_source,
    ),
    Extra(
        "profile",
        asked=lambda settings: Profiling(PROFILE_S),
        takes_s=lambda settings: PROFILE_S,
        failed=lambda reason: Profile(reason=reason),
    ),
    Extra(
        "sustained",
        asked=lambda settings: Load(settings.sustained_s, settings.at_fps),
        takes_s=lambda settings: settings.sustained_s,
        failed=lambda reason: Sustained(reason=reason),
    ),
)


def left(rows: Sequence[Row], settings: Settings) -> list[tuple[Extra, int]]:
    """Return what is still to be measured: the kind, and the position of the row."""
    return [
        (extra, i)
        for extra in EXTRAS
        for i, row in enumerate(rows)
        if extra.name in row.extras_left(settings)
    ]
