"""A figure held to a limit: kept, broken, or it cannot be told."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from edge_runtime.results.statistics import Estimate

CANNOT_TELL = 3
"""The exit code where no limit is known to be broken, and of some it cannot be told."""

SLOW_DOWN = "slow-down"
"""What a limit on how much longer a call takes than it did is called."""


class Outcome(StrEnum):
    """What became of a limit."""

    KEPT = "kept"
    BROKEN = "broken"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class Check:
    """A row beside one of its limits.

    Attributes:
        row: what the row is called.
        name: what is limited: ``p95``, ``slower``.
        limit: in ``unit``.
        unit: of the limit and the figure.
        figure: what was measured, with its interval; None where it is unknown.
        outcome: what follows from it.
        text: a sentence that names the row, the figure and the limit.
    """

    row: str
    name: str
    limit: float
    unit: str
    figure: Estimate | None
    outcome: Outcome
    text: str

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        figure = self.figure
        return {
            "row": self.row,
            "limited": self.name,
            "unit": self.unit,
            "limit": self.limit,
            "value": figure.value if figure else None,
            "low": figure.low if figure else None,
            "high": figure.high if figure else None,
            "outcome": self.outcome.value,
            "text": self.text,
        }


def hold(figure: Estimate | None, limit: float, *, least: bool = False) -> Outcome:
    """Return whether a figure keeps a limit: decided only where its whole interval decides it.

    Args:
        figure: None where it is unknown.
        limit: a figure that equals it keeps it.
        least: whether it is the smallest that is allowed, and not the largest.
    """
    if figure is None:
        return Outcome.CANNOT_TELL
    if least:
        figure, limit = figure.scaled(-1), -limit
        figure = Estimate(figure.value, figure.high, figure.low)
    if figure.low > limit:
        return Outcome.BROKEN
    return Outcome.KEPT if figure.high <= limit else Outcome.CANNOT_TELL


def check(
    row: str,
    name: str,
    figure: Estimate | None,
    limit: float,
    unit: str,
    *,
    least: bool = False,
    unknown: str = "",
) -> Check:
    """Hold a row's figure to a limit, and say what came of it.

    Args:
        row: what the row is called.
        name: what is limited.
        figure: None where it is unknown.
        limit: in the figure's unit.
        unit: as it is written behind a number.
        least: whether the limit is the smallest that is allowed.
        unknown: why the figure is unknown.
    """
    outcome = hold(figure, limit, least=least)
    bound = f"at {'least' if least else 'most'} {shown(limit, unit)}"
    if figure is None:
        text = f"{row}: cannot tell whether {name} is {bound}: {unknown}."
    elif outcome is Outcome.CANNOT_TELL:
        measured = in_brackets(figure, unit)
        text = f"{row}: cannot tell whether {name} is {bound}: {measured} holds the limit."
    else:
        word = "is" if outcome is Outcome.KEPT else "has to be"
        text = f"{row}: {name} {in_brackets(figure, unit)} {word} {bound}."
    return Check(row, name, limit, unit, figure, outcome, text)


def slow_down_percent(speed: Estimate) -> Estimate:
    """Return by how many percent a call takes longer, from how many times as fast it is."""
    longer = (1 / speed.value, 1 / speed.high, 1 / speed.low)
    return Estimate(*(100 * (ratio - 1) for ratio in longer))


def in_brackets(figure: Estimate, unit: str) -> str:
    """Return a figure with its interval, if it has a width, and its unit."""
    if figure.low == figure.high:
        return shown(figure.value, unit)
    return f"{_number(figure.value)} [{_number(figure.low)}, {_number(figure.high)}] {unit}"


def shown(number: float, unit: str) -> str:
    """Return a number with its unit."""
    return f"{_number(number)} {unit}"


def exit_code(checks: Iterable[Check]) -> int:
    """Return 1 where a limit is broken, ``CANNOT_TELL`` where it cannot be told of one, else 0."""
    outcomes = {one.outcome for one in checks}
    if Outcome.BROKEN in outcomes:
        return 1
    return CANNOT_TELL if Outcome.CANNOT_TELL in outcomes else 0


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
