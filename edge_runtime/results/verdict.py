"""May a number be believed? VALID, SUSPECT or INVALID, with reasons and what to do.

``rules.py`` holds what is looked at and the thresholds.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from edge_runtime.results import changes
from edge_runtime.results.rows import Key, Results, Row, Status
from edge_runtime.results.rules import LOST_TIME, RULES, Grade, Reason, Run
from edge_runtime.results.statistics import Estimate

__all__ = ["Grade", "Judgement", "Reason", "Verdict", "judge"]


@dataclass(frozen=True)
class Verdict:
    """A grade, and why; no reasons where it is VALID."""

    grade: Grade
    reasons: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return ``status`` and ``reasons`` as JSON values."""
        return {"status": self.grade.name, "reasons": list(self.reasons)}


@dataclass(frozen=True)
class Judgement:
    """The verdicts on a run's rows, and on the run as a whole.

    Attributes:
        run: graded by its worst row; rows that only lack their engine do not count if any other
            row ran.
        rows: by the row's key.
        lost_time: rows whose times make no ratio, by key.
        no_ratio: why they make none, and what to do: a line for each cause.
    """

    run: Verdict
    rows: dict[Key, Verdict]
    lost_time: frozenset[Key]
    no_ratio: tuple[str, ...]

    def of(self, row: Row) -> Verdict:
        """Return the verdict on a row."""
        return self.rows[row.key]

    def speed(self, row: Row, other: Row) -> Estimate | None:
        """Return how many times as fast as another row one is, paired by round.

        None where one of them lost time, or fewer than 2 rounds have both.
        """
        return None if self.lost_time & {row.key, other.key} else row.speed_against(other)


def judge(results: Results) -> Judgement:
    """Judge each row of a run, and the run."""
    # The clock is compared over the whole run: the rows' processes do the same fixed work.
    clock = changes.fixed_work_ns([turn for row in results.rows for turn in row.turns])
    run = Run(results, clock)
    reasons = [[reason for rule in RULES for reason in rule(row, run)] for row in results.rows]
    keys = [row.key for row in results.rows]
    verdicts = dict(zip(keys, map(_row_verdict, reasons), strict=True))
    lost = [
        (row, reason)
        for row, of_row in zip(results.rows, reasons, strict=True)
        for reason in of_row
        if row.ran and reason.grade is Grade.INVALID and reason.kind in LOST_TIME
    ]
    return Judgement(
        _run_verdict(results, reasons),
        verdicts,
        frozenset(row.key for row, _ in lost),
        _lines(lost, results),
    )


def _row_verdict(reasons: list[Reason]) -> Verdict:
    ordered = sorted(reasons, key=lambda reason: -reason.grade)
    grade = ordered[0].grade if ordered else Grade.VALID
    return Verdict(grade, tuple(reason.text for reason in ordered))


def _run_verdict(results: Results, reasons: Sequence[list[Reason]]) -> Verdict:
    if not results.rows:
        return Verdict(Grade.INVALID, ("nothing was measured",))
    any_ran = any(row.ran for row in results.rows)
    pairs = [
        (row, reason)
        for row, of_row in zip(results.rows, reasons, strict=True)
        if row.status is not Status.ENGINE_MISSING or not any_ran
        for reason in of_row
    ]
    worst = max((reason.grade for _, reason in pairs), default=Grade.VALID)
    return Verdict(worst, _lines(pairs, results))


def _lines(pairs: Iterable[tuple[Row, Reason]], results: Results) -> tuple[str, ...]:
    """Return a line for each kind and grade of reason, the worst grade first."""
    kinds: dict[tuple[str, Grade], list[tuple[Row, Reason]]] = defaultdict(list)
    for row, reason in pairs:
        kinds[reason.kind, reason.grade].append((row, reason))
    grouped = sorted(kinds.items(), key=lambda item: -item[0][1])
    return tuple(_line(group, results) for _, group in grouped)


def _line(pairs: list[tuple[Row, Reason]], results: Results) -> str:
    """Return one line for all rows with a reason of one kind and grade: the worst one's."""
    row, reason = max(pairs, key=lambda pair: pair[1].size)
    whose = _whose([row for row, _ in pairs], results)
    if len({other.text for _, other in pairs}) > 1:
        whose += f", at worst {results.label(row)}"
    return f"{whose}: {reason.text}"


def _whose(rows: list[Row], results: Results) -> str:
    if len(rows) == len(results.rows) > 1:
        return "all rows"
    if len(rows) > 3:
        return f"{len(rows)} of {len(results.rows)} rows"
    return ", ".join(results.label(row) for row in rows)
