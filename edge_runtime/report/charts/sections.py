"""All charts of some runs, under their headings; those of several runs stand side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

from edge_runtime.report.charts import (
    energy,
    files,
    latency,
    memory,
    operators,
    scaling,
    startup,
    sustained,
    tradeoff,
)
from edge_runtime.report.charts.chart import Chart
from edge_runtime.report.charts.runs import Run

MOST_RUNS = 6
"""So many runs stand beside each other, each with charts of its own."""
LAST_RUNS = 3
"""Of more, so many have them: the last ones on the command line."""

_TOPICS: tuple[tuple[str, str, tuple[ModuleType, ...]], ...] = (
    ("latency", "Latency", (latency,)),
    ("tradeoff", "Accuracy, size and latency", (tradeoff,)),
    ("energy", "Energy", (energy,)),
    ("scaling", "Threads and batch size", (scaling,)),
    ("startup", "Start and memory", (startup, memory)),
    ("sustained", "Sustained load", (sustained,)),
    ("operators", "Operators", (operators,)),
)


@dataclass(frozen=True)
class Section:
    """Charts that answer one question.

    Attributes:
        name: a word, unique on a page.
        title: its heading.
        charts: each with the run that it is of; None if it is of all of them.
    """

    name: str
    title: str
    charts: tuple[tuple[Run | None, Chart], ...]


def of(runs: Sequence[Run]) -> list[Section]:
    """Return the sections that have something to show, in the order of a page."""
    shown = with_charts(runs)
    whole = Section("files", "Side by side", tuple((None, chart) for chart in files.of(runs)))
    topics = [
        Section(name, title, _by_kind([(run, m.of(run, shown)) for m in kinds for run in shown]))
        for name, title, kinds in _TOPICS
    ]
    return [section for section in (whole, *topics) if section.charts]


def with_charts(runs: Sequence[Run]) -> Sequence[Run]:
    """Return the runs that have charts of their own."""
    return runs if len(runs) <= MOST_RUNS else runs[-LAST_RUNS:]


def _by_kind(drawn: list[tuple[Run, list[Chart]]]) -> tuple[tuple[Run | None, Chart], ...]:
    """Return charts so that those of one kind follow each other, a run each."""
    charts = [(run, chart) for run, of_run in drawn for chart in of_run]
    kinds = [*dict.fromkeys(chart.kind for _, chart in charts)]
    return tuple(sorted(charts, key=lambda pair: kinds.index(pair[1].kind)))
