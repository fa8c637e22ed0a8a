"""Every row of a run held to a budget, as ``--budget`` gives it.

A row that lost its time to others, was throttled or is otherwise INVALID says nothing of latency,
memory and energy; its size and its answers are what they are.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edge_runtime.results import side_by_side
from edge_runtime.results.budget import Budget
from edge_runtime.results.limits import Check, check
from edge_runtime.results.rows import Results, Row, Status
from edge_runtime.results.statistics import (
    Estimate,
    pooled_percentile,
    proportion,
    samples_needed,
)
from edge_runtime.results.verdict import Grade, Judgement

_MB = 2**20
Known = Estimate | str
"""A figure with its interval, or why it is unknown."""
_ONE_ROUND = "one round gives no interval; measure with --rounds 10"


@dataclass(frozen=True)
class Quantity:
    """What a budget may limit.

    Attributes:
        name: as it is typed.
        field: of ``Budget``.
        unit: in which it is shown.
        scale: how many of the field's unit one shown unit is.
        figure: what is known of a row, in the shown unit.
        timed: whether it needs a machine that did not disturb the measurement.
        least: whether the limit is the smallest that is allowed.
    """

    name: str
    field: str
    unit: str
    scale: float
    figure: Callable[[Row], Known]
    timed: bool = True
    least: bool = False


def check_rows(results: Results, judged: Judgement) -> tuple[Check, ...]:
    """Hold every row to the budget of a run's settings.

    Rows that lack their engine are left out where another row ran, as in the verdict.

    Args:
        results: what was measured.
        judged: the verdicts on it.
    """
    any_ran = any(row.ran for row in results.rows)
    rows = [r for r in results.rows if r.status is not Status.ENGINE_MISSING or not any_ran]
    own = (one for row in rows for one in _of_row(row, results, judged))
    return *own, *side_by_side.check_bundles(results)


def _of_row(row: Row, results: Results, judged: Judgement) -> Iterator[Check]:
    budget: Budget = results.settings.budget
    for quantity in QUANTITIES:
        limit = getattr(budget, quantity.field)
        if limit is None:
            continue
        known = _known(row, quantity, judged)
        figure, unknown = (None, known) if isinstance(known, str) else (known, "")
        yield check(
            results.label(row),
            quantity.name,
            figure,
            limit / quantity.scale,
            quantity.unit,
            least=quantity.least,
            unknown=unknown.rstrip("."),
        )


def _known(row: Row, quantity: Quantity, judged: Judgement) -> Known:
    if row.status is not Status.OK:
        return row.outcome
    known, verdict = quantity.figure(row), judged.of(row)
    if quantity.timed and verdict.grade is Grade.INVALID and not isinstance(known, str):
        return f"the verdict is INVALID: {verdict.reasons[0]}"
    return known


def _latency_ms(percent: float) -> Callable[[Row], Known]:
    def known(row: Row) -> Known:
        if len(row.turns) < 2:
            return _ONE_ROUND
        if percent > 50 and not row.single_calls:
            return "calls are too short to be timed one by one"
        if percent > 50 and row.sample_count < (needed := samples_needed(percent)):
            few = f"{row.sample_count} samples of the {needed} it takes"
            return f"{few}; measure with --min-runs {needed}"
        rounds = [
            [sample / turn.calls_per_sample for sample in turn.samples_ns] for turn in row.turns
        ]
        return pooled_percentile(rounds, percent).scaled(1e-6)

    return known


def _peak_mb(row: Row) -> Known:
    """Return the median over the turns, with their range.

    The range of 6 or more holds the median of all such processes with 97 % confidence or more, by
    order statistics alone; of fewer it is what it is. Source: W. R. Thompson 1936, Annals of
    Mathematical Statistics 7:122-128.
    """
    peaks = [turn.memory.peak_bytes for turn in row.turns]
    known = [peak / _MB for peak in peaks if peak is not None]
    if len(known) < len(peaks) or not known:
        reasons = [turn.memory.reason for turn in row.turns if turn.memory.peak_bytes is None]
        return (reasons[0] if reasons else None) or "the peak is unknown"
    if len(known) < 2:
        return _ONE_ROUND
    middle = row.middle(lambda turn: turn.memory.peak_bytes)
    return Estimate((middle or 0) / _MB, min(known), max(known))


def _top1_percent(row: Row) -> Known:
    if row.accuracy is None:
        return "it was not asked for answers"
    counts = row.accuracy.counts
    return proportion(counts.right, counts.images).scaled(100)


def _size_mb(row: Row) -> Known:
    size = row.size_bytes / _MB
    return Estimate(size, size, size)


def _energy_mj(row: Row) -> Known:
    if row.energy is None:
        return "energy was not measured; measure with --energy"
    known = row.energy.mj_per_inference(row.batch_size)
    return known or row.energy.reason or "no energy is known"


QUANTITIES = (
    *(Quantity(f"p{n}", f"p{n}_ms", "ms", 1, _latency_ms(n)) for n in (50, 90, 95, 99)),
    Quantity("peak", "peak_bytes", "MB", _MB, _peak_mb),
    Quantity("top1", "top1_percent", "%", 1, _top1_percent, timed=False, least=True),
    Quantity("size", "size_bytes", "MB", _MB, _size_mb, timed=False),
    Quantity("energy", "energy_mj", "mJ", 1, _energy_mj),
)
