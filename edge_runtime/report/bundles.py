"""Several bundles in one run: each row against the same row of the first bundle, paired by round.

This is how a small change is told: both were measured in the same rounds.
"""

from edge_runtime.report.columns import p50_ms, ratio
from edge_runtime.report.grid import Grid
from edge_runtime.results.rows import Results, Row
from edge_runtime.results.verdict import Judgement


def of(results: Results, judged: Judgement) -> Grid | None:
    """Return the table, or None where there is one bundle or no row to compare.

    Args:
        results: what was measured.
        judged: the verdicts on it.
    """
    ran = [row for row in results.rows if row.ran]
    first = results.rows[0].bundle if results.rows else ""
    before = {_key(row): row for row in ran if row.bundle == first}
    pairs = [(before[_key(r)], r) for r in ran if r.bundle != first and _key(r) in before]
    if not pairs:
        return None
    lines = [
        [results.label(after), p50_ms(before), p50_ms(after), ratio(judged.speed(after, before))]
        for before, after in pairs
    ]
    return Grid(["artifact", f"{first} p50 ms", "p50 ms", f"speed vs {first}"], lines, 1)


def _key(row: Row) -> tuple[str, str, str, str, int, int]:
    return row.model, row.format, row.engine, row.precision, row.batch_size, row.threads
