"""The columns of the table: what each shows of a row, in the unit that its heading names."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from edge_runtime.report.references import References, against
from edge_runtime.results.rows import Results, Row
from edge_runtime.results.statistics import Estimate
from edge_runtime.results.verdict import Verdict

UNKNOWN = "–"
NOT_APPLICABLE = "n/a"
_WITHOUT_MACHINE = {"verdict", "top-1 %", "size KB"}
"""What can be said of an emulated CPU too; every other column is of time or memory."""
NO_DIFFERENCE = "no difference shown"


class Group(StrEnum):
    """Which of the two tables a column stands in where one would be too wide."""

    SPEED = "speed"
    COST = "cost"


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        heading: with its unit.
        group: where it stands in a narrow terminal.
        cell: a row's text, ``UNKNOWN`` where there is no value.
        values: for a spreadsheet, headings with a row's plain number or text, None where unknown.
    """

    heading: str
    group: Group
    cell: Callable[[Row], str]
    values: dict[str, Callable[[Row], float | str | None]]

    def not_applicable(self) -> "Column":
        """Return the column without its figures."""
        return replace(
            self,
            cell=lambda row: NOT_APPLICABLE,
            values=dict.fromkeys(self.values, lambda row: None),
        )


def number(heading: str, group: Group, digits: int, value: Callable[[Row], float | None]) -> Column:
    """Return a column of numbers with so many digits after the point."""

    def cell(row: Row) -> str:
        found = value(row)
        return UNKNOWN if found is None else f"{found:,.{digits}f}"

    return Column(heading, group, cell, {heading: value})


def of(results: Results, references: References, verdicts: dict[int, Verdict]) -> list[Column]:
    """Return all columns for a result document, without figures for what an emulator cannot say.

    Args:
        results: what was measured.
        references: the rows that speeds are taken against.
        verdicts: by ``id`` of the row.
    """
    columns = _all(references, verdicts)
    if not results.settings.emulated:
        return columns
    return [c if c.heading in _WITHOUT_MACHINE else c.not_applicable() for c in columns]


def _all(references: References, verdicts: dict[int, Verdict]) -> list[Column]:
    def speed_cell(row: Row) -> str:
        if row is references.of(row):
            return "1"
        found = references.speed(row)
        if found is None:
            return UNKNOWN
        return NO_DIFFERENCE if found.holds_1 else str(found)

    def part(name: str) -> Callable[[Row], float | None]:
        return lambda row: getattr(references.speed(row), name, None)

    def verdict(row: Row) -> str:
        return verdicts[id(row)].grade.name

    versus = f"speed vs {against(references)}"
    return [
        number("p50 ms", Group.SPEED, 3, _latency_ms(50)),
        number("p90 ms", Group.SPEED, 3, _latency_ms(90)),
        number("p99 ms", Group.SPEED, 3, _latency_ms(99)),
        Column(
            versus,
            Group.SPEED,
            speed_cell,
            {versus: part("value"), "speed low": part("low"), "speed high": part("high")},
        ),
        Column(
            "verdict",
            Group.SPEED,
            verdict,
            {"verdict": verdict, "reasons": lambda row: "; ".join(verdicts[id(row)].reasons)},
        ),
        number("images/s", Group.COST, 1, lambda row: row.images_per_s),
        number("load ms", Group.COST, 1, _middle_ms("load_ns")),
        number("first ms", Group.COST, 2, _middle_ms("first_ns")),
        number("top-1 %", Group.COST, 1, _top1),
        number("size KB", Group.COST, 1, lambda row: row.size_bytes / 1024),
        number("model MB", Group.COST, 1, lambda row: _mega(row.middle(lambda t: t.model_bytes))),
        number("engine MB", Group.COST, 1, lambda row: _mega(row.middle(lambda t: t.engine_bytes))),
    ]


def p50_ms(row: Row) -> str:
    """Return the cell of a row's median latency."""
    found = row.latency_ns(50)
    return UNKNOWN if found is None else f"{found / 1e6:,.3f}"


def ratio(found: Estimate | None) -> str:
    """Return the cell of a ratio with its interval, which says so where it shows nothing."""
    return UNKNOWN if found is None else found.as_ratio()


def _latency_ms(percent: float) -> Callable[[Row], float | None]:
    def value(row: Row) -> float | None:
        found = row.latency_ns(percent)
        return None if found is None else found / 1e6

    return value


def _middle_ms(name: str) -> Callable[[Row], float | None]:
    def value(row: Row) -> float | None:
        found = row.middle(lambda turn: getattr(turn, name))
        return None if found is None else found / 1e6

    return value


def _top1(row: Row) -> float | None:
    counts = row.accuracy.get("data") or row.accuracy
    return 100 * counts["right"] / counts["images"] if counts else None


def _mega(size: float | None) -> float | None:
    return None if size is None else size / 2**20
