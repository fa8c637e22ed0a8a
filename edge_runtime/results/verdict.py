"""May a number be believed? VALID, SUSPECT or INVALID, with reasons and what to do.

``rules.py`` holds what is looked at and the thresholds.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from edge_runtime.results import changes
from edge_runtime.results.rows import Results, Row, Status
from edge_runtime.results.rules import RULES, RULES_EMULATED, Grade, Reason, Run

__all__ = ["Grade", "Reason", "Verdict", "of_rows", "of_run"]


@dataclass(frozen=True)
class Verdict:
    """A grade, and why; no reasons where it is VALID."""

    grade: Grade
    reasons: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return ``status`` and ``reasons`` as JSON values."""
        return {"status": self.grade.name, "reasons": list(self.reasons)}


def of_rows(results: Results) -> list[Verdict]:
    """Judge each row."""
    return [_verdict(reasons) for reasons in _by_row(results)]


def of_run(results: Results) -> Verdict:
    """Judge the run: as its worst row, but rows that only lack their engine if any other ran."""
    if not results.rows:
        return Verdict(Grade.INVALID, ("nothing was measured",))
    kinds: dict[tuple[str, Grade], list[tuple[Row, Reason]]] = defaultdict(list)
    for row, reasons in zip(results.rows, _by_row(results), strict=True):
        if row.status is not Status.ENGINE_MISSING or not any(r.ran for r in results.rows):
            for reason in reasons:
                kinds[reason.kind, reason.grade].append((row, reason))
    grouped = sorted(kinds.items(), key=lambda item: -item[0][1])
    lines = tuple(_line(found, results) for _, found in grouped)
    return Verdict(max((grade for _, grade in kinds), default=Grade.VALID), lines)


def _line(found: list[tuple[Row, Reason]], results: Results) -> str:
    """Return one line for all rows with a reason of one kind and grade: the worst one's."""
    row, reason = max(found, key=lambda pair: pair[1].size)
    whose = _whose([row for row, _ in found], results)
    if len({other.text for _, other in found}) > 1:
        whose += f", at worst {results.label(row)}"
    return f"{whose}: {reason.text}"


def _verdict(reasons: list[Reason]) -> Verdict:
    ordered = sorted(reasons, key=lambda reason: -reason.grade)
    grade = ordered[0].grade if ordered else Grade.VALID
    return Verdict(grade, tuple(reason.text for reason in ordered))


def _whose(rows: list[Row], results: Results) -> str:
    if len(rows) == len(results.rows) > 1:
        return "all rows"
    if len(rows) > 3:
        return f"{len(rows)} of {len(results.rows)} rows"
    return ", ".join(results.label(row) for row in rows)


def _by_row(results: Results) -> list[list[Reason]]:
    # The clock is compared over the whole run: the rows' processes do the same fixed work.
    clock = changes.fixed_work_ns([turn for row in results.rows for turn in row.turns])
    rules = RULES_EMULATED if results.settings.emulated else RULES
    return [
        [reason for rule in rules for reason in rule(row, Run(results, clock))]
        for row in results.rows
    ]
