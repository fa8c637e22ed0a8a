"""The page: the verdict first, then the table, the charts, and how it was measured."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from importlib import resources

from edge_runtime import __version__
from edge_runtime.report.charts import sections
from edge_runtime.report.charts.runs import Run, shape
from edge_runtime.report.charts.sections import MOST_RUNS, Section
from edge_runtime.report.grid import Grid
from edge_runtime.report.html.elements import badge, bullets, data, figure, swatch, table, text


def render(runs: Sequence[Run]) -> str:
    """Return the page.

    Args:
        runs: the files, in the order of the command line.

    Raises:
        ToolkitError: vl-convert is not installed.
    """
    return "\n".join(_parts(runs, sections.of(runs)))


def _parts(runs: Sequence[Run], drawn: list[Section]) -> Iterator[str]:
    script = _file("hover.js")
    yield from _head(_title(runs), script)
    yield f"<header><p class='tool'>edge-bench report</p><h1>{text(_title(runs))}</h1></header>"
    yield _contents(drawn)
    yield "<main>"
    yield f'<section id="verdict"><h2>Verdict</h2>{_verdicts(runs)}</section>'
    yield f'<section id="table"><h2>Table</h2>{"".join(_tables(runs))}</section>'
    if drawn:
        yield _legend(runs)
    for section in drawn:
        yield _section(section, several=len(runs) > 1)
    yield f"</main><footer>Drawn by edge-bench {text(__version__)} from {_sources(runs)}.</footer>"
    yield '<div id="tip" aria-hidden="true" hidden></div>'
    yield data("samples", _samples(drawn))
    yield f"<script>{script}</script></body></html>"


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _head(title: str, script: str) -> Iterator[str]:
    # Nothing is loaded, and no script runs but the one whose hash this is.
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rules = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    rules += f"script-src 'sha256-{digest}'"
    yield '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{rules}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
    yield f"<title>{text(title)}</title><style>{_file('style.css')}</style></head><body>"


def _title(runs: Sequence[Run]) -> str:
    if len(runs) == 1:
        return runs[0].view.title
    models = sorted({row.model for run in runs for row in run.results.rows})
    return f"{', '.join(models)}: {len(runs)} results files"


def _contents(drawn: list[Section]) -> str:
    named = [("verdict", "Verdict"), ("table", "Table"), *((s.name, s.title) for s in drawn)]
    links = "".join(f'<li><a href="#{name}">{text(title)}</a></li>' for name, title in named)
    return f'<nav aria-label="Sections"><ul>{links}</ul></nav>'


def _verdicts(runs: Sequence[Run]) -> str:
    """Return a card a file, or a line a file where they are many."""
    if len(runs) <= MOST_RUNS:
        return f'<div class="cards">{"".join(_card(run, len(runs) > 1) for run in runs)}</div>'
    rows = [
        [
            run.name,
            run.results.host.cpu or run.results.host.machine or "",
            run.results.started,
            run.view.verdict.grade.name,
            next(iter(run.view.verdict.reasons), "No problem was detected."),
        ]
        for run in runs
    ]
    headings = ["file", "machine", "started", "verdict", "first reason"]
    return table(Grid(headings, rows, len(headings)), "Verdicts on all files")


def _card(run: Run, several: bool) -> str:
    grade = run.view.verdict.grade.name
    name = f'<p class="file">{text(run.name)}</p><p>{text(run.view.title)}</p>' if several else ""
    reasons = bullets(run.view.verdict.reasons, "reasons")
    reasons = reasons or "<p>No problem was detected.</p>"
    advice = run.view.recommendation
    advice = f'<p class="advice">{text(advice)}</p>' if advice else ""
    return f'<div class="card {grade.lower()}">{name}{badge(grade)}{reasons}{advice}</div>'


def _tables(runs: Sequence[Run]) -> Iterator[str]:
    for run in runs:
        view = run.view
        parts = [table(view.grid(), f"Results of {run.name}")]
        grids = {
            "Bundles": view.bundles,
            "Threads and batch sizes": view.scaling,
            "Limits": view.budget,
        }
        for what, grid in grids.items():
            if grid:
                parts.append(f"<h3>{what}</h3>{table(grid, f'{what} of {run.name}')}")
        if view.sustained:
            loads = [load.text for load in view.sustained]
            parts.append(f"<h3>Sustained load</h3>{bullets(loads, 'notes')}")
        for section in view.operators:
            parts.append(f"<h3>{text(section.title)}</h3>{bullets(section.sentences, 'notes')}")
        problems = [f"{file}: {message}" for file, message in view.problems]
        notes = bullets([*problems, *view.notes], "notes")
        if notes:
            parts.append(f"<details><summary>How to read it</summary>{notes}</details>")
        if len(runs) == 1:
            yield "".join(parts)
            continue
        shown = " open" if len(runs) <= MOST_RUNS else ""
        name = f'<summary><span class="file">{text(run.name)}</span> {text(view.title)}</summary>'
        yield f'<details class="run"{shown}>{name}{"".join(parts)}</details>'


def _legend(runs: Sequence[Run]) -> str:
    """Return each artifact with its mark, once."""
    shown = sections.with_charts(runs)
    marks = dict.fromkeys(
        (run.results.artifact_label(row), run.colour(row), shape(row))
        for run in shown
        for row in run.ran
    )
    items = "".join(f"<li>{swatch(*mark)}{text(label)}</li>" for label, *mark in marks)
    many = f"<p>Of {len(runs)} files, the last {len(shown)} have charts of their own.</p>"
    note = many if len(runs) > len(shown) else ""
    return f'<section class="legend" aria-label="Marks"><ul>{items}</ul>{note}</section>'


def _section(section: Section, *, several: bool) -> str:
    drawn: dict[str, str] = {}
    beside = len({run.name for run, _ in section.charts if run}) > 1
    for n, (run, chart) in enumerate(section.charts):
        whose = run.name if run and several else ""
        # Of several files, those of one kind have a line of the page of their own.
        kind = chart.kind if beside else ""
        drawn[kind] = drawn.get(kind, "") + figure(chart, whose, f"{section.name}-{n}")
    figures = "".join(f'<div class="figures">{one}</div>' for one in drawn.values())
    return f'<section id="{section.name}"><h2>{text(section.title)}</h2>{figures}</section>'


def _samples(drawn: list[Section]) -> dict[str, object]:
    """Return the samples behind the points, by the figure's name."""
    return {
        f"{section.name}-{n}": chart.samples
        for section in drawn
        for n, (_, chart) in enumerate(section.charts)
        if chart.samples
    }


def _sources(runs: Sequence[Run]) -> str:
    if len(runs) > MOST_RUNS:
        return f"{len(runs)} files"
    return ", ".join(
        f"{text(run.name)} ({text(run.results.tool)}, {text(run.results.started or 'no date')})"
        for run in runs
    )
