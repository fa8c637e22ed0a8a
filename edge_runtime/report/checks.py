"""Limits beside what was measured, as a table."""

from collections.abc import Sequence

from edge_runtime.report.columns import UNKNOWN
from edge_runtime.report.grid import Grid
from edge_runtime.results.limits import Check, in_brackets, shown


def grid(checks: Sequence[Check]) -> Grid | None:
    """Return a line for each check; None where there is none."""
    if not checks:
        return None
    lines = [
        [
            one.row,
            one.name,
            in_brackets(one.figure, one.unit) if one.figure else UNKNOWN,
            shown(one.limit, one.unit),
            one.outcome.value,
        ]
        for one in checks
    ]
    return Grid(["artifact", "limited", "measured", "limit", "outcome"], lines, 2, remarks=True)
