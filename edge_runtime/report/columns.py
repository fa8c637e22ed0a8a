"""The columns of the table: what each shows of a row, in the unit that its heading names."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from edge_runtime.report.references import References
from edge_runtime.results.rows import Results, Row
from edge_runtime.results.statistics import Estimate
from edge_runtime.results.turns import Memory
from edge_runtime.results.verdict import Judgement

UNKNOWN = "–"
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


def number(heading: str, group: Group, digits: int, value: Callable[[Row], float | None]) -> Column:
    """Return a column of numbers with so many digits after the point."""

    def cell(row: Row) -> str:
        known = value(row)
        return UNKNOWN if known is None else f"{known:,.{digits}f}"

    return Column(heading, group, cell, {heading: value})


def of(results: Results, references: References) -> list[Column]:
    """Return all columns for a result document.

    Args:
        results: what was measured.
        references: the rows that speeds are taken against, and the verdicts.
    """
    energy = [_energy()] if any(row.energy for row in results.rows) else []
    return [
        number("p50 ms", Group.SPEED, 3, _latency_ms(50)),
        number("p90 ms", Group.SPEED, 3, _latency_ms(90)),
        number("p99 ms", Group.SPEED, 3, _latency_ms(99)),
        _speed(f"speed vs {references.name(results)}", references),
        _verdict(references.judged),
        number("images/s", Group.COST, 1, lambda row: row.images_per_s),
        number("load ms", Group.COST, 1, _middle_ms("load_ns")),
        number("first ms", Group.COST, 2, _middle_ms("first_ns")),
        number("top-1 %", Group.COST, 1, _top1),
        number("size KB", Group.COST, 1, lambda row: row.size_bytes / 1024),
        number("model MB", Group.COST, 1, _middle_mb(lambda memory: memory.model_bytes)),
        number("engine MB", Group.COST, 1, _middle_mb(lambda memory: memory.engine_bytes)),
        *energy,
    ]


def _speed(heading: str, references: References) -> Column:
    def cell(row: Row) -> str:
        if references.is_one(row):
            return "1"
        speed = references.speed(row)
        if speed is None:
            return UNKNOWN
        return NO_DIFFERENCE if speed.holds_1 else str(speed)

    def part(name: str) -> Callable[[Row], float | None]:
        return lambda row: getattr(references.speed(row), name, None)

    values: dict[str, Callable[[Row], float | str | None]]
    values = {heading: part("value"), "speed low": part("low"), "speed high": part("high")}
    return Column(heading, Group.SPEED, cell, values)


def _verdict(judged: Judgement) -> Column:
    def grade(row: Row) -> str:
        return judged.of(row).grade.name

    def reasons(row: Row) -> str:
        return "; ".join(judged.of(row).reasons)

    return Column("verdict", Group.SPEED, grade, {"verdict": grade, "reasons": reasons})


def _energy() -> Column:
    def cell(row: Row) -> str:
        taken = mj_per_inference(row)
        if taken is None:
            return UNKNOWN
        return NO_DIFFERENCE if taken.low <= 0 else significant(taken)

    def part(name: str) -> Callable[[Row], float | None]:
        return lambda row: getattr(mj_per_inference(row), name, None)

    values: dict[str, Callable[[Row], float | str | None]]
    values = {"mJ/inf": part("value"), "mJ/inf low": part("low"), "mJ/inf high": part("high")}
    return Column("mJ/inf", Group.COST, cell, values)


def mj_per_inference(row: Row) -> Estimate | None:
    """Return the millijoules of an inference beyond idle; None where they are unknown."""
    return row.energy.mj_per_inference(row.batch_size) if row.energy else None


def significant(estimate: Estimate) -> str:
    """Return a value with three significant digits, and its interval with as many decimals."""
    largest = max(abs(estimate.value), abs(estimate.low), abs(estimate.high))
    digits = max(0, 2 - math.floor(math.log10(largest))) if largest else 0
    value, low, high = (
        f"{number:,.{digits}f}" for number in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} [{low}, {high}]"


def p50_ms(row: Row) -> str:
    """Return the cell of a row's median latency."""
    median = row.latency_ns(50)
    return UNKNOWN if median is None else f"{median / 1e6:,.3f}"


def ratio(estimate: Estimate | None) -> str:
    """Return the cell of a ratio with its interval, which says so where it shows nothing."""
    return UNKNOWN if estimate is None else estimate.as_ratio()


def _latency_ms(percent: float) -> Callable[[Row], float | None]:
    def value(row: Row) -> float | None:
        latency = row.latency_ns(percent)
        return None if latency is None else latency / 1e6

    return value


def _middle_ms(name: str) -> Callable[[Row], float | None]:
    def value(row: Row) -> float | None:
        duration = row.middle(lambda turn: getattr(turn, name))
        return None if duration is None else duration / 1e6

    return value


def _top1(row: Row) -> float | None:
    counts = row.accuracy.counts if row.accuracy else None
    return 100 * counts.right / counts.images if counts else None


def _middle_mb(part: Callable[[Memory], int | None]) -> Callable[[Row], float | None]:
    def value(row: Row) -> float | None:
        size = row.middle(lambda turn: part(turn.memory))
        return None if size is None else size / 2**20

    return value
