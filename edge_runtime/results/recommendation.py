"""Which artifact on which engine: the fastest row that is small, accurate and quick enough.

One is said to be faster than another only where the whole interval of their ratio says so.
"""

from dataclasses import dataclass
from typing import Any

from edge_runtime.results.needs import Needs
from edge_runtime.results.rows import Results, Row, Status
from edge_runtime.results.statistics import Estimate
from edge_runtime.results.verdict import Judgement


@dataclass(frozen=True)
class Rival:
    """A row beside the fastest one.

    Attributes:
        label: what it is called.
        file, engine: what it runs, and on what.
        speed: how many times as fast as it the fastest one is.
    """

    label: str
    file: str
    engine: str
    speed: Estimate


@dataclass(frozen=True)
class Recommendation:
    """What to run here.

    Attributes:
        text: the recommendation as a sentence, or why there is none.
        row: the fastest one; None if none is recommended.
        rivals: rows that it is not shown to be faster than; the next one if there are none.
    """

    text: str
    row: Row | None = None
    rivals: tuple[Rival, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        rivals = [
            {
                "file": r.file,
                "engine": r.engine,
                "speed": [r.speed.value, r.speed.low, r.speed.high],
            }
            for r in self.rivals
        ]
        row = self.row
        return {
            "text": self.text,
            "file": row.file if row else None,
            "engine": row.engine if row else None,
            "knobs": row.knobs if row else {},
            "rivals": rivals,
        }


def recommend(results: Results, judged: Judgement) -> Recommendation | None:
    """Return what to run; None where there is nothing to choose from.

    Rows of the smallest batch size are looked at, whatever their threads.
    """
    ran = [row for row in results.rows if row.status is Status.OK and row.ran]
    smallest = min((row.batch_size for row in ran), default=1)
    ran = [row for row in ran if row.batch_size == smallest]
    if len(ran) < 2:
        return None
    needs = results.settings.needs
    fitting = [row for row in ran if meets(row, needs)]
    if not fitting:
        return Recommendation(f"no row meets {needs}.")
    timed = [row for row in fitting if row.key not in judged.lost_time]
    if not timed:
        return Recommendation(f"none: {judged.no_ratio[0]}.")
    # Lost time only adds: what took least in spite of it is faster than the best of the others.
    least = min(fitting, key=_median_ns)
    if least.key in judged.lost_time:
        label = results.label(least)
        text = f"none: {label} took least, but lost time to others: {judged.no_ratio[0]}."
        return Recommendation(text)
    return _choose(sorted(timed, key=_median_ns), fitting, results, judged)


def _choose(
    timed: list[Row], fitting: list[Row], results: Results, judged: Judgement
) -> Recommendation:
    best, *others = timed
    rivals = [
        Rival(results.label(row), row.file, row.engine, speed)
        for row in others
        if (speed := judged.speed(best, row)) is not None
    ]
    tied = [rival for rival in rivals if rival.speed.low <= 1]
    said = f"{results.label(best)} ({best.file} on {best.engine})"
    needs = str(results.settings.needs)
    if needs:
        said += f" of the {len(fitting)} rows that meet {needs}"
    if len(timed) < len(fitting):
        said += f"; {len(fitting) - len(timed)} more could not be timed"
    if tied:
        listed = ", ".join(f"{rival.label} {rival.speed}" for rival in tied)
        text = f"{said}; no difference shown to {listed}."
        return Recommendation(text, best, tuple(tied))
    if rivals:
        text = f"{said}, {rivals[0].speed} times as fast as the next, {rivals[0].label}."
        return Recommendation(text, best, tuple(rivals[:1]))
    return Recommendation(f"{said}: nothing else to compare with.", best)


def meets(row: Row, needs: Needs) -> bool:
    """Say whether a row is small, accurate and quick enough; what is not known is not."""
    if needs.max_size_bytes is not None and row.size_bytes > needs.max_size_bytes:
        return False
    if needs.min_top1 is not None:
        counts = row.accuracy.counts if row.accuracy else None
        if counts is None or 100 * counts.right < needs.min_top1 * counts.images:
            return False
    if needs.max_p95_ms is not None:
        p95_ns = row.latency_ns(95)
        if p95_ns is None or p95_ns > needs.max_p95_ms * 1e6:
            return False
    return True


def _median_ns(row: Row) -> float:
    return row.latency_ns(50) or 0.0
