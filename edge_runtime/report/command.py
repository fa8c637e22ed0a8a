"""The commands ``edge-bench report`` and ``edge-bench compare``: draw results files."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_runtime.command import streams
from edge_runtime.command.quantities import MILLISECONDS, SIZE

if TYPE_CHECKING:
    from edge_runtime.results.needs import Needs
    from edge_runtime.results.rows import Results

OUTPUTS = ("table", "markdown", "csv", "json", "jsonl")
_FILE = click.Path(dir_okay=False, path_type=Path)

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


@click.command()
@click.argument("file", type=_FILE)
@require_option
@needs_options
@click.option(
    "--output",
    default="table",
    show_default=True,
    type=click.Choice(OUTPUTS),
    help="Format of the output.",
)
def report(file: Path, require: str | None, output: str, **values: Any) -> None:
    """Show the results in a FILE that --json wrote, on any machine."""
    from edge_runtime.results import document
    from edge_runtime.results.needs import Needs

    results, needs = document.read(file), take_needs(values)
    if needs != Needs():
        results = replace(results, settings=replace(results.settings, needs=needs))
    show(results, output)
    raise SystemExit(exit_code(results, require, failed=False) if require else 0)


@click.command()
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
    type=click.Choice(["table", "markdown", "csv", "json"]),
    help="Format of the output.",
)
def compare(files: tuple[Path, ...], allow: tuple[str, ...], output: str) -> None:
    """Compare results files with the first one, row by row: ratios with intervals.

    Runs with another machine, pinning, thread count, batch size or model are refused unless
    allowed.
    """
    from edge_runtime.report import compared
    from edge_runtime.results import comparison

    streams.show(compared.render(comparison.of(files, frozenset(allow)), output))


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
