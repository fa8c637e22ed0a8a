"""The commands ``edge-bench report`` and ``edge-bench compare``: draw results files."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_runtime.command import streams

if TYPE_CHECKING:
    from edge_runtime.results.rows import Results

OUTPUTS = ("table", "markdown", "csv", "json", "jsonl")
_FILE = click.Path(dir_okay=False, path_type=Path)

require_option = click.option(
    "--require",
    type=click.Choice(["valid", "suspect"]),
    help="Exit with 1 unless the verdict is this or better.",
)


@click.command()
@click.argument("file", type=_FILE)
@require_option
@click.option(
    "--output",
    default="table",
    show_default=True,
    type=click.Choice(OUTPUTS),
    help="Format of the output.",
)
def report(file: Path, require: str | None, output: str) -> None:
    """Show the results in a FILE that --json wrote, on any machine."""
    from edge_runtime.results import document

    results = document.read(file)
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
