"""What a run or a comparison came to, as cases of a test: for the outputs that CI systems read."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from edge_runtime.results import budgets, verdict
from edge_runtime.results.limits import Check, Outcome
from edge_runtime.results.rows import Results, Status
from edge_runtime.results.verdict import Verdict


class End(StrEnum):
    """How a case ended, in JUnit's words; what cannot be told is an error of the test."""

    PASSED = "passed"
    FAILURE = "failure"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Case:
    """One thing that was tested.

    Attributes:
        row: what the row is called.
        name: what of it was tested.
        end: how that ended.
        text: a sentence on it.
    """

    row: str
    name: str
    end: End
    text: str


@dataclass(frozen=True)
class Suite:
    """All cases of a run or a comparison.

    Attributes:
        cases: in the order of the rows.
        verdicts: on the run, or on each file, by name.
        started: when the run was started, in UTC, as ISO 8601; empty for a comparison.
    """

    cases: tuple[Case, ...]
    verdicts: dict[str, Verdict]
    started: str = ""


_ENDS = {Status.OK: End.PASSED, Status.ENGINE_MISSING: End.SKIPPED}
_OUTCOMES = {
    Outcome.KEPT: End.PASSED,
    Outcome.BROKEN: End.FAILURE,
    Outcome.CANNOT_TELL: End.ERROR,
}


def of_results(results: Results) -> Suite:
    """Return a case for each row, whether it ended well, and one for each of its limits."""
    judged = verdict.judge(results)
    rows = [
        Case(results.label(row), "ran", _ENDS.get(row.status, End.FAILURE), row.outcome)
        for row in results.rows
    ]
    cases = (*rows, *of_checks(budgets.check_rows(results, judged)))
    return Suite(cases, {"run": judged.run}, results.started)


def of_checks(checks: Iterable[Check]) -> tuple[Case, ...]:
    """Return a case for each check."""
    return tuple(Case(one.row, one.name, _OUTCOMES[one.outcome], one.text) for one in checks)
