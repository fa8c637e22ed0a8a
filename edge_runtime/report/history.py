"""A history, drawn as a table, CSV or JSON: one line a run, and below it where a level changed."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict

from edge_runtime.printable import in_csv
from edge_runtime.report.columns import UNKNOWN
from edge_runtime.report.grid import Grid, wrap
from edge_runtime.results.history import Change, History, Run

SCHEMA = 1
_SHORT = 12


def render(history: History, output: str) -> str:
    """Return a history as text, without a newline at its end.

    Args:
        history: what was read.
        output: ``table``, ``csv`` or ``json``.
    """
    if output == "json":
        return json.dumps(_content(history), indent=1)
    if output == "csv":
        return _csv(history)
    notes = [describe(change) for change in history.changes]
    notes = notes or ["no step: no row is shown to have changed its level."]
    return "\n".join([*_grid(history).text(), "", *map(wrap, [*notes, *_notes(history)])])


def describe(change: Change) -> str:
    """Return a sentence on a change of level."""
    return (
        f"step: {change.row} takes {change.ratio} times as long since {_named(change.first)}; "
        f"last before: {_named(change.before)}."
    )


def _named(run: Run) -> str:
    return f"{run.name} ({run.started[:16]})"


def _notes(history: History) -> Iterator[str]:
    yield (
        "p50 of all calls of a row. A step is where the runs split in two levels better than they "
        "do in 99 % of random orders; brackets hold the 95 % interval (Welch) of the change. "
        "Slow drift of the machine may be shown as a step."
    )
    if any(run.lost_time for run in history.runs):
        yield "*: the row lost time to others, and counts for no step."


def _grid(history: History) -> Grid:
    commits = any(run.commit for run in history.runs)
    headings = ["started", *(["commit"] if commits else []), "file", "tool"]
    left = len(headings)
    headings += [f"{label} p50 ms" for label in history.labels.values()] + ["verdict"]
    rows = [
        [
            run.started[:19],
            *([run.commit[:_SHORT]] if commits else []),
            run.file,
            run.tool.removeprefix("edge-bench "),
            *(_cell(run, key) for key in history.labels),
            run.verdict.grade.name,
        ]
        for run in history.runs
    ]
    return Grid(headings, rows, left)


def _cell(run: Run, key: object) -> str:
    p50_ns = run.p50_ns.get(key)  # type: ignore[call-overload]  # a key of the labels
    if p50_ns is None:
        return UNKNOWN
    return f"{p50_ns / 1e6:,.3f}{'*' if key in run.lost_time else ''}"


def _csv(history: History) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [f"{label} p50_ns" for label in history.labels.values()]
    writer.writerow(["started", "commit", "file", "tool", "verdict", *map(in_csv, names), "steps"])
    for run in history.runs:
        begun = "; ".join(describe(c) for c in history.changes if c.first is run)
        medians = [run.p50_ns.get(key, "") for key in history.labels]
        texts = (run.started, run.commit, run.file, run.tool, run.verdict.grade.name)
        writer.writerow([*map(in_csv, texts), *medians, in_csv(begun)])
    return text.getvalue().rstrip("\n")


def _content(history: History) -> dict[str, object]:
    labels = history.labels
    return {
        "schema": SCHEMA,
        "runs": [
            {
                "file": run.file,
                "started": run.started,
                "commit": run.commit,
                "tool": run.tool,
                "verdict": run.verdict.to_json(),
                "p50_ns": {labels[key]: p50_ns for key, p50_ns in run.p50_ns.items()},
                "lost_time": [labels[key] for key in run.p50_ns if key in run.lost_time],
            }
            for run in history.runs
        ],
        "steps": [
            {
                "row": change.row,
                "before": change.before.file,
                "first": change.first.file,
                "before_commit": change.before.commit,
                "first_commit": change.first.commit,
                "ratio": asdict(change.ratio),
            }
            for change in history.changes
        ],
        "problems": list(history.problems),
    }
