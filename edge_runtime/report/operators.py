"""What the operators of each profiled row take, and why it is as fast as it is."""

from dataclasses import dataclass

from edge_runtime.report.columns import UNKNOWN
from edge_runtime.report.grid import Grid
from edge_runtime.results import causes
from edge_runtime.results.profile import Operator, Profile, rate
from edge_runtime.results.rows import Results
from edge_runtime.results.verdict import Judgement

MOST = 8
"""Operators that are shown of a row: those that take the most time."""

_HEADINGS = ("operator", "kind", "ms", "share %", "MMAC", "GMAC/s", "ceiling %", "INT8")


@dataclass(frozen=True)
class Section:
    """One row's operators.

    Attributes:
        title: whose they are, or why they are unknown.
        grid: those that take the most time; None where they are unknown.
        sentences: what they show.
    """

    title: str
    grid: Grid | None
    sentences: tuple[str, ...]


def of(results: Results, judged: Judgement) -> tuple[Section, ...]:
    """Return a section for each row that was profiled."""
    sections = []
    for row in results.rows:
        if (profile := row.profile) is None:
            continue
        name = f"Operators of {results.label(row)}"
        if not profile.operators:
            reason = profile.reason or "not recorded"
            sections.append(Section(f"{name}: unknown: {reason}.", None, ()))
        else:
            sentences = causes.of(row, results, judged)
            sections.append(Section(f"{name}:", _grid(profile), sentences))
    return tuple(sections)


def _grid(profile: Profile) -> Grid:
    ordered = sorted(profile.operators, key=lambda one: -one.time_ns)
    lines = [_line(one, profile) for one in ordered[:MOST]]
    if others := ordered[MOST:]:
        time_ns = sum(one.time_ns for one in others)
        name = f"{len(others)} others"
        lines.append([name, "", *_times(time_ns, profile), *[UNKNOWN] * 4])
    return Grid(_HEADINGS, lines, 2)


def _line(one: Operator, profile: Profile) -> list[str]:
    reached, ceiling = rate((one,)), profile.ceiling(one)
    return [
        one.name,
        one.kind,
        *_times(one.time_ns, profile),
        UNKNOWN if one.macs is None else f"{one.macs / 1e6:,.3f}",
        UNKNOWN if reached is None else f"{reached / 1e9:,.1f}",
        UNKNOWN if reached is None or not ceiling else f"{100 * reached / ceiling:.0f}",
        {True: "yes", False: "no", None: UNKNOWN}[one.int8],
    ]


def _times(time_ns: float, profile: Profile) -> list[str]:
    share = 100 * time_ns / profile.total_ns if profile.total_ns else 0
    return [f"{time_ns / 1e6:,.3f}", f"{share:.1f}"]
