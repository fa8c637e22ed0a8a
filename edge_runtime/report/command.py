"""The commands ``edge-bench report``, ``compare`` and ``history``: draw results files."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_runtime.command import streams
from edge_runtime.command.quantities import MILLISECONDS, SIZE
from edge_runtime.errors import UsageError
from edge_runtime.files import write_bytes
from edge_runtime.report import gates

if TYPE_CHECKING:
    from edge_runtime.results.needs import Needs
    from edge_runtime.results.rows import Results

OUTPUTS = ("table", "markdown", "csv", "json", "jsonl", "junit", "github")
"""What a result is as text."""
DRAWINGS = ("html", "svg", "png")
"""What it is as charts: a page, or a file for each."""
_FILE = click.Path(dir_okay=False, path_type=Path)

_WHAT_REPORT = """Show the results in files that --json wrote, on any machine.

html is one page with charts, of one file or of several side by side, and needs no network; svg
and png write each chart to a file of its own. Both need: pip install 'cifarq[report]'

"""

_EXAMPLES = """\b
Examples:
  edge-bench report results.json
  edge-bench report results.json --output html -o report.html
  edge-bench report pi4.json pi5.json --output html -o boards.html
  edge-bench report results.json --output svg -o charts"""

_COMPARE = """\
Compare results files with the first one, row by row: ratios with intervals.

Runs with another machine, pinning, thread count, batch size or model are refused unless allowed.

\b
Examples:
  edge-bench compare before.json after.json
  edge-bench compare before.json after.json --fail-if slower=5% --output junit"""

_HISTORY = """\
Show many results files, a line a run, and where a row's median changed its level.

Every .json of a folder is read. A run carries its commit where it was measured with --commit, or on
GitHub. Exit: 1 if a file could not be read; it is named, and left out.

\b
Examples:
  edge-bench history results/
  edge-bench history results/ --output csv"""

require_option = click.option(
    "--require",
    type=click.Choice(["valid", "suspect"]),
    help="Exit with 1 unless the verdict is this or better.",
)


def needs_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what a row has to be to be recommended."""
    for option in (
        click.option(
            "--max-p95", type=MILLISECONDS, help="Recommend rows up to this 95th percentile: 5ms."
        ),
        click.option(
            "--min-top1",
            type=click.FloatRange(0, 100),
            metavar="PERCENT",
            help="Recommend rows from this top-1 on.",
        ),
        click.option("--max-size", type=SIZE, help="Recommend rows up to this file size: 1MB."),
    ):
        command = option(command)
    return command


def take_needs(values: dict[str, Any]) -> "Needs":
    """Return what ``needs_options`` brought, taken out of a command's values."""
    from edge_runtime.results.needs import Needs

    size, top1, p95 = (values.pop(name) for name in ("max_size", "min_top1", "max_p95"))
    return Needs(None if size is None else int(size), top1, p95)


@click.command(help=_WHAT_REPORT + _EXAMPLES, epilog=gates.EPILOG)
@click.argument("files", nargs=-1, required=True, type=_FILE, metavar="FILE...")
@require_option
@needs_options
@gates.budget_option
@click.option(
    "--output",
    default="table",
    show_default=True,
    type=click.Choice([*OUTPUTS, *DRAWINGS]),
    help="Format of the output.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="Write to this file, or for svg and png to files in this folder.",
)
def report(
    files: tuple[Path, ...], require: str | None, output: str, out: Path | None, **values: Any
) -> None:
    """Show results that --json wrote, on any machine."""
    from edge_runtime.report import render
    from edge_runtime.results import document, limits, side_by_side
    from edge_runtime.results.budget import Budget
    from edge_runtime.results.needs import Needs

    if len(files) > 1 and output not in DRAWINGS:
        raise UsageError(
            f"--output {output} shows one file, and {len(files)} are named.",
            "Give --output html, or compare them: edge-bench compare.",
        )
    needs, budget = take_needs(values), gates.take_budget(values)
    read = [document.read(file) for file in files]
    for one in read:
        side_by_side.require_two({row.bundle for row in one.rows}, budget.slower_percent)
    if needs != Needs():
        read = [replace(one, settings=replace(one.settings, needs=needs)) for one in read]
    if budget != Budget():
        read = [replace(one, settings=replace(one.settings, budget=budget)) for one in read]
    if output in DRAWINGS:
        _draw([*zip(files, read, strict=True)], output, out)
    elif out:
        _keep(out, render(read[0], output))
    else:
        show(read[0], output)
    codes = [exit_code(one, require, failed=False) if require else 0 for one in read]
    if budget != Budget():
        codes = [gates.hold_to_budget(*one) for one in zip(read, codes, strict=True)]
    # What is broken says more than what cannot be told.
    raise SystemExit(next((code for code in (1, limits.CANNOT_TELL) if code in codes), 0))


def _draw(files: "list[tuple[Path, Results]]", output: str, out: Path | None) -> None:
    """Draw files as a page, or as charts in a folder."""
    from edge_runtime.report.charts import draw, runs, sections
    from edge_runtime.report.html import page

    if output == "html":
        drawn = page.render(runs.of(files))
        if out:
            _keep(out, drawn)
        else:
            streams.show(drawn)
        return
    if out is None:
        raise UsageError(f"--output {output} writes files.", "Name a folder for them: -o charts.")
    written = draw.write(sections.of(runs.of(files)), output, out)
    streams.tell(f"{len(written)} charts in {out}")


def _keep(path: Path, answer: str) -> None:
    write_bytes(path, f"{answer}\n".encode())
    streams.tell(f"{path} written")


@click.command(help=_COMPARE, short_help="Compare results files.", epilog=gates.EPILOG)
@click.argument("files", nargs=-1, required=True, type=_FILE, metavar="A.json B.json ...")
@click.option(
    "--allow",
    multiple=True,
    type=click.Choice(["host", "cpus", "threads", "batch-size", "model"]),
    help="Compare although this differs; may be repeated.",
)
@click.option(
    "--output",
    default="table",
    show_default=True,
    type=click.Choice(["table", "markdown", "csv", "json", "junit", "github"]),
    help="Format of the output.",
)
@gates.fail_if_option
def compare(
    files: tuple[Path, ...], allow: tuple[str, ...], output: str, fail_if: dict[str, float] | None
) -> None:
    """Compare results files; its help text stands above, with the examples."""
    from edge_runtime.report import compared
    from edge_runtime.results import comparison, regressions

    if output in ("junit", "github") and not fail_if:
        raise UsageError(f"--output {output} draws limits.", "Give --fail-if slower=5%.")
    found = comparison.of(files, frozenset(allow))
    checks = regressions.check_pairs(found, fail_if["slower"]) if fail_if else ()
    streams.show(compared.render(found, output, checks))
    raise SystemExit(gates.report_checks(checks))


@click.command(help=_HISTORY, short_help="Show many results files, a line a run.")
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="DIR|FILE..."
)
@click.option(
    "--output",
    default="table",
    show_default=True,
    type=click.Choice(["table", "csv", "json"]),
    help="Format of the output.",
)
def history(paths: tuple[Path, ...], output: str) -> None:
    """Show a history; its help text stands above, with the examples."""
    from edge_runtime.report import history as drawing
    from edge_runtime.results import history as reading

    found = reading.read(paths)
    streams.show(drawing.render(found, output))
    for problem in found.problems:
        streams.tell(f"Error: {problem}")
    raise SystemExit(1 if found.problems else 0)


def show(results: "Results", output: str) -> None:
    """Print results."""
    from edge_runtime.report import render

    streams.show(render(results, output))


def exit_code(results: "Results", require: str | None, *, failed: bool) -> int:
    """Return a command's exit code, and say so where it is 1 for the verdict alone.

    Args:
        results: what was measured.
        require: the least verdict, in lower case, if one is required.
        failed: whether something else went wrong.
    """
    from edge_runtime.results import verdict
    from edge_runtime.results.verdict import Grade

    if require and (grade := verdict.judge(results).run.grade) > Grade[require.upper()]:
        streams.tell(f"Error: the verdict is {grade.name}, --require {require}.")
        return 1
    return 1 if failed else results.exit_code
