"""The rows of later bundles held to the first bundle's, which were measured beside them in one run.

Rounds of one run are pairs: a turn of each row, in random order, within seconds. Of each turn the
fastest call counts: other programs and virtual machines only ever add time, and on a shared machine
they come and go between the turns of a round. So rows that lost time to others are compared too,
and how the slower calls became slower is not looked at.

Source: J. Chen and J. Revels 2016, Robust benchmarking in noisy environments (arXiv:1608.04295).
"""

from collections.abc import Iterator

from edge_runtime.errors import UsageError
from edge_runtime.results import signed_ranks
from edge_runtime.results.limits import SLOW_DOWN, Check, check, slow_down_percent
from edge_runtime.results.rows import Results, Row, Status
from edge_runtime.results.statistics import Estimate


def check_bundles(results: Results) -> Iterator[Check]:
    """Hold every row of the later bundles to the same row of the first, as the budget says.

    A row that a later bundle does not have, or that did not run, cannot be told.

    Args:
        results: of a run, of two bundles or more.
    """
    limit = results.settings.budget.slower_percent
    if limit is None:
        return
    found = [*pairs(results)]
    for before, bundle, after in found:
        label = results.label(after) if after else f"{bundle} {results.artifact_label(before)}"
        figure, unknown = _known(before, after, results)
        yield check(label, SLOW_DOWN, figure, limit, "%", unknown=unknown)
    if not found:
        bundles = _bundles(results)
        for bundle in bundles[1:]:
            yield check(bundle, SLOW_DOWN, None, limit, "%", unknown=f"no row of {bundles[0]} ran")


def pairs(results: Results) -> Iterator[tuple[Row, str, Row | None]]:
    """Give each row of the first bundle that ran, each later bundle, and the same row of that."""
    bundles = _bundles(results)
    rows = {(row.bundle, *_same(row)): row for row in results.rows}
    for before in results.rows:
        if before.bundle == bundles[0] and before.ran:
            for bundle in bundles[1:]:
                yield before, bundle, rows.get((bundle, *_same(before)))


def require_two(bundles: set[str], slower: float | None) -> None:
    """Refuse a limit that compares bundles where there is one.

    Args:
        bundles: their names.
        slower: the limit, if there is one.

    Raises:
        UsageError: there is a limit, and nothing to hold to it.
    """
    if slower is not None and len(bundles) < 2:
        raise UsageError(
            f"--budget slower={slower:g}% compares bundles, and only {', '.join(bundles)} is here.",
            "Measure two in one run, the one to compare with first: edge-bench BEFORE AFTER.",
        )


def _bundles(results: Results) -> list[str]:
    return [*dict.fromkeys(row.bundle for row in results.rows)]


def _same(row: Row) -> tuple[object, ...]:
    """What a row has in common with its like in another bundle."""
    tuned = bool(row.knobs)
    return row.model, row.format, row.engine, row.precision, row.batch_size, row.threads, tuned


def _known(before: Row, after: Row | None, results: Results) -> tuple[Estimate | None, str]:
    """Return how much slower a row became, or why that is unknown."""
    if after is None:
        return None, "this bundle has no such row"
    for row in (before, after):
        if row.status is not Status.OK:
            return None, row.outcome.rstrip(".")
    if results.settings.emulated or results.host.emulated_on:
        return None, "the CPU is emulated"
    found = after.turns_beside(before)
    if len(found) < signed_ranks.FEWEST:
        few = f"{len(found)} of the {signed_ranks.FEWEST} rounds that give an interval"
        return None, f"{few}; measure with --rounds 10"
    fastest = [(one.fastest_ns, other.fastest_ns) for one, other in found]
    return slow_down_percent(signed_ranks.paired_ratio(*zip(*fastest, strict=True))), ""
