"""A comparison of result documents, drawn as a table, Markdown, CSV or JSON."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from edge_runtime.printable import in_csv, in_markdown
from edge_runtime.report import cases, checks, github, junit
from edge_runtime.report.columns import p50_ms, ratio
from edge_runtime.report.grid import Grid, wrap
from edge_runtime.results.comparison import Comparison
from edge_runtime.results.limits import Check

SCHEMA = 1


def render(comparison: Comparison, output: str, held: Sequence[Check] = ()) -> str:
    """Return a comparison as text, without a newline at its end.

    Args:
        comparison: what was compared.
        output: ``table``, ``markdown``, ``csv``, ``json``, ``junit`` or ``github``.
        held: what came of every limit.
    """
    if output in ("junit", "github"):
        verdicts = {run.name: run.verdict for run in comparison.runs}
        suite = cases.Suite(cases.of_checks(held), verdicts)
        return junit.draw(suite) if output == "junit" else github.draw(suite)
    if output == "json":
        runs = [{"file": run.name, "verdict": run.verdict.to_json()} for run in comparison.runs]
        content = {"schema": SCHEMA, "runs": runs, "pairs": _records(comparison)}
        content["checks"] = [one.to_json() for one in held]
        return json.dumps({**content, "notes": comparison.notes}, indent=1)
    if output == "csv":
        return _csv(comparison)
    grid, limits = _grid(comparison), checks.grid(held)
    if output == "markdown":
        notes = [f"- {in_markdown(note)}" for note in comparison.notes]
        drawn = ["", *limits.markdown()] if limits else []
        return "\n".join([*grid.markdown(), *drawn, "", *notes])
    notes = [wrap(note) for note in comparison.notes]
    drawn = ["", *limits.text()] if limits else []
    return "\n".join([*grid.text(), *drawn, "", *notes])


def _csv(comparison: Comparison) -> str:
    names = ["artifact", "before", "after", "before_p50_ns", "after_p50_ns"]
    names += ["value", "low", "high", "before_verdict", "after_verdict"]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for record in _records(comparison):
        cells = {**record, **(record["speed"] or {})}
        writer.writerow({k: in_csv(v) if isinstance(v, str) else v for k, v in cells.items()})
    return text.getvalue().rstrip("\n")


def _grid(comparison: Comparison) -> Grid:
    first = comparison.runs[0].name
    several = len(comparison.runs) > 2
    headings = ["artifact", *(["file"] if several else []), f"{first} p50 ms"]
    headings += ["p50 ms" if several else f"{comparison.runs[1].name} p50 ms", f"speed vs {first}"]
    rows = [
        [
            pair.label,
            *([comparison.runs[pair.run].name] if several else []),
            p50_ms(pair.before),
            p50_ms(pair.after),
            ratio(pair.speed),
        ]
        for pair in comparison.pairs
    ]
    return Grid(headings, rows, 2 if several else 1)


def _records(comparison: Comparison) -> list[dict[str, Any]]:
    grades = [run.verdict.grade.name for run in comparison.runs]
    return [
        {
            "artifact": pair.label,
            "before": comparison.runs[0].name,
            "after": comparison.runs[pair.run].name,
            "before_p50_ns": pair.before.latency_ns(50),
            "after_p50_ns": pair.after.latency_ns(50),
            "speed": asdict(pair.speed) if pair.speed else None,
            "before_verdict": grades[0],
            "after_verdict": grades[pair.run],
        }
        for pair in comparison.pairs
    ]
