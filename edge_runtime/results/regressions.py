"""Every pair of a comparison held to ``--fail-if``: how much slower the later run may be."""

from collections.abc import Iterator

from edge_runtime.results.comparison import Comparison
from edge_runtime.results.limits import SLOW_DOWN, Check, check, slow_down_percent
from edge_runtime.results.rows import Row


def check_pairs(comparison: Comparison, slower_percent: float) -> tuple[Check, ...]:
    """Hold every row of the first file to its time in the later ones.

    A row that a later file no longer has, or that did not run there, cannot be told.

    Args:
        comparison: of result files.
        slower_percent: how much longer a call may take than in the first file.
    """
    return tuple(_checks(comparison, slower_percent))


def _checks(comparison: Comparison, limit: float) -> Iterator[Check]:
    several = len(comparison.runs) > 2
    for number, run in enumerate(comparison.runs[1:], 1):
        where = f" in {run.name}" if several else ""
        mine = [pair for pair in comparison.pairs if pair.run == number]
        for pair in mine:
            figure = slow_down_percent(pair.speed) if pair.speed else None
            unknown = "no ratio is shown: a run has one round, or lost its time to others"
            yield check(f"{pair.label}{where}", SLOW_DOWN, figure, limit, "%", unknown=unknown)
        for row in _missing(comparison, [pair.before for pair in mine]):
            label = comparison.runs[0].results.label(row)
            unknown = f"{run.name} has no such row that ran"
            yield check(f"{label}{where}", SLOW_DOWN, None, limit, "%", unknown=unknown)


def _missing(comparison: Comparison, compared: list[Row]) -> list[Row]:
    keys = {row.key for row in compared}
    return [row for row in comparison.runs[0].results.rows if row.ran and row.key not in keys]
