"""Several bundles in one run: each row against the same row of the first bundle, paired by round.

This is how a small change is told: both were measured in the same rounds.
"""

from edge_runtime.report.columns import p50_ms, ratio
from edge_runtime.report.grid import Grid
from edge_runtime.results import side_by_side
from edge_runtime.results.rows import Results
from edge_runtime.results.verdict import Judgement


def of(results: Results, judged: Judgement) -> Grid | None:
    """Return the table, or None where there is one bundle or no row to compare.

    Args:
        results: what was measured.
        judged: the verdicts on it.
    """
    pairs = [
        (before, after)
        for before, _, after in side_by_side.pairs(results)
        if after is not None and after.ran
    ]
    if not pairs:
        return None
    first = results.rows[0].bundle
    lines = [
        [results.label(after), p50_ms(before), p50_ms(after), ratio(judged.speed(after, before))]
        for before, after in pairs
    ]
    return Grid(["artifact", f"{first} p50 ms", "p50 ms", f"speed vs {first}"], lines, 1)
