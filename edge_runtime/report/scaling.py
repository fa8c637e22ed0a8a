"""What more threads and larger batches are worth: throughput against the smallest of both."""

from edge_runtime.report.columns import UNKNOWN
from edge_runtime.report.grid import Grid
from edge_runtime.results.rows import Results, Row
from edge_runtime.results.statistics import Estimate
from edge_runtime.results.verdict import Judgement


def of(results: Results, judged: Judgement) -> Grid | None:
    """Return the scaling table, or None where nothing was varied.

    *gain* is throughput against one thread and batch 1 (or the least that was measured), paired by
    round; *efficiency* is that gain for each thread: 100 % where twice the threads do twice the
    work.
    """
    ran = [row for row in results.rows if row.ran]
    artifacts: dict[tuple[str, str, str], list[Row]] = {}
    for row in ran:
        artifacts.setdefault((row.bundle, row.file, row.engine), []).append(row)
    if all(len(rows) < 2 for rows in artifacts.values()):
        return None
    bases = {
        key: min(rows, key=lambda r: (r.threads, r.batch_size)) for key, rows in artifacts.items()
    }
    named = {(base.threads, base.batch_size) for base in bases.values()}
    where = "the least" if len(named) > 1 else _setting(*named.pop())
    lines = [
        [*_names(row, results), *_cells(row, bases[key], judged.speed(row, bases[key]))]
        for key, rows in artifacts.items()
        for row in rows
    ]
    headings = ["artifact", "threads", "batch", "images/s", f"gain over {where}", "efficiency %"]
    return Grid(headings, lines, 1)


def _names(row: Row, results: Results) -> list[str]:
    several = len({other.bundle for other in results.rows}) > 1
    label = results.artifact_label(row)
    return [f"{row.bundle} {label}" if several else label, str(row.threads), str(row.batch_size)]


def _cells(row: Row, base: Row, calls: Estimate | None) -> list[str]:
    throughput = f"{row.images_per_s:,.1f}"
    if row is base:
        return [throughput, "1", "100"]
    if calls is None:
        return [throughput, UNKNOWN, UNKNOWN]
    gain = calls.scaled(row.batch_size / base.batch_size)
    return [throughput, gain.as_ratio(), f"{100 * gain.value * base.threads / row.threads:.0f}"]


def _setting(threads: int, batch_size: int) -> str:
    return f"{threads} thread{'' if threads == 1 else 's'}, batch {batch_size}"
