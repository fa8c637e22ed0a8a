"""A result document ready to be drawn: its columns, notes and verdicts, whatever draws them."""

from dataclasses import dataclass

from edge_runtime.report import (
    bundles,
    checks,
    columns,
    notes,
    operators,
    references,
    scaling,
    sustained,
)
from edge_runtime.report.columns import Column, Group
from edge_runtime.report.grid import Grid
from edge_runtime.results import budgets, recommendation, verdict
from edge_runtime.results.rows import Results, Row, Status
from edge_runtime.results.verdict import Verdict


@dataclass(frozen=True)
class View:
    """What every drawing of a result document shows.

    Attributes:
        title: model, machine and setting.
        results: what is drawn.
        columns: of the table, beside the one that names the row.
        notes: how to read it.
        verdict: of the run.
        recommendation: what to run here, as a sentence; empty if there is nothing to choose.
        scaling: what was varied, if anything was.
        bundles: later bundles against the first, if there are several.
        budget: each row beside its limits, if there are any.
        operators: what they take, of each row that was profiled.
        sustained: what each row did under a sustained load, if there was one.
    """

    title: str
    results: Results
    columns: tuple[Column, ...]
    notes: tuple[str, ...]
    verdict: Verdict
    recommendation: str
    scaling: Grid | None
    bundles: Grid | None
    budget: Grid | None
    operators: tuple[operators.Section, ...]
    sustained: tuple[sustained.Section, ...]

    def grid(self, group: Group | None = None) -> Grid:
        """Return the table, or the part of it that belongs to a group."""
        shown = [column for column in self.columns if group in (None, column.group)]
        headings = ["artifact", *(column.heading for column in shown)]
        rows = [[self._name(row), *(c.cell(row) for c in shown)] for row in self.results.rows]
        return Grid(headings, rows, 1)

    def _name(self, row: Row) -> str:
        name = self.results.label(row)
        return name if row.status is Status.OK else f"{name} ({row.status})"

    @property
    def problems(self) -> list[tuple[str, str]]:
        """File and message of each row that did not end well, and is not in the run's verdict."""
        missing = [row for row in self.results.rows if row.status is Status.ENGINE_MISSING]
        none_ran = not any(row.ran for row in self.results.rows)
        return [] if none_ran else [(row.file, row.message) for row in missing]

    @property
    def headline(self) -> str:
        """The verdict in one line; its reasons stand below it."""
        if not self.verdict.reasons:
            return f"Verdict: {self.verdict.grade.name}. No problem was detected."
        return f"Verdict: {self.verdict.grade.name}."


def of(results: Results) -> View:
    """Compute what is shown of a result document."""
    judged = verdict.judge(results)
    compared = references.find(results, judged)
    models = ", ".join(sorted({row.model for row in results.rows}))
    machine = results.host.cpu or results.host.machine
    advice = recommendation.recommend(results, judged)
    settings = results.settings
    title = f"{models} on {machine}, batch {_listed(settings.batch_sizes)}, "
    title += "1 thread" if settings.threads == (1,) else f"{_listed(settings.threads)} threads"
    return View(
        title=title,
        results=results,
        columns=tuple(columns.of(results, compared)),
        notes=notes.of(results, compared),
        verdict=judged.run,
        recommendation=f"Fastest here: {advice.text}" if advice else "",
        scaling=scaling.of(results, judged),
        bundles=bundles.of(results, judged),
        budget=checks.grid(budgets.check_rows(results, judged)),
        operators=operators.of(results, judged),
        sustained=sustained.of(results),
    )


def _listed(numbers: tuple[int, ...]) -> str:
    *most, last = map(str, numbers)
    return f"{', '.join(most)} and {last}" if most else last
