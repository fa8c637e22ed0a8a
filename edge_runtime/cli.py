"""The command ``edge-bench``: measure a bundle's artifacts on this device."""

import io
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

import edge_runtime
from edge_runtime.command import CommandGroup
from edge_runtime.errors import BundleError

if TYPE_CHECKING:
    from edge_runtime.plan import Plan

_WHAT = """\
Measure the artifacts of bundles on this device: latency, memory, size and accuracy, each artifact
in a process of its own.

PATHS are bundle folders or artifacts in them; without one, the folder that edge-bench.pyz lies in,
else the current one.

"""
_EXAMPLES = """\b
Examples:
  edge-bench                              the bundle in the current folder
  edge-bench seed-cnn-bundle --threads 4
  edge-bench a-bundle b-bundle --json results.json
  edge-bench report results.json --output markdown"""

_OUTPUT = click.Choice(["table", "markdown", "csv", "json"])


@click.group(
    cls=CommandGroup,
    default="run",
    subcommand_metavar="[PATHS]... | COMMAND [ARGS]...",
    install="pip install numpy onnxruntime",
    help=_WHAT + _EXAMPLES,
    epilog="Exit: 0 all rows ran or only lack their engine; 1 a row is corrupt, crashed, "
    "mismatched, failed or timed out, or none ran; 2 the command line is wrong.",
)
@click.version_option(edge_runtime.__version__, prog_name="edge-bench")
def cli() -> None:
    """Hold the subcommands; its help text stands above, with the examples."""


@cli.command(help=_WHAT, short_help="Measure bundles (the default).")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--engine", "engines", multiple=True, metavar="NAME", help="Only this engine; may repeat."
)
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1))
@click.option("--batch-size", default=1, show_default=True, type=click.IntRange(1))
@click.option(
    "--min-runs",
    default=100,
    show_default=True,
    type=click.IntRange(1),
    help="Timed calls, at least.",
)
@click.option(
    "--min-time",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Seconds of them, at least.",
)
@click.option(
    "--accuracy-images",
    default=500,
    show_default=True,
    type=click.IntRange(1),
    help="Golden images for top-1.",
)
@click.option(
    "--timeout",
    default=600.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Seconds an artifact may take.",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write raw samples here, after every row.",
)
@click.option("--output", default="table", show_default=True, type=_OUTPUT, help="What to print.")
def run(
    paths: tuple[Path, ...],
    engines: tuple[str, ...],
    threads: int,
    batch_size: int,
    min_runs: int,
    min_time: float,
    accuracy_images: int,
    timeout: float,
    json_file: Path | None,
    output: str,
) -> None:
    """Make the plan and carry it out."""
    from edge_runtime import plan as planning

    settings = planning.Settings(threads, batch_size, min_runs, min_time, accuracy_images, timeout)
    plan = planning.make(paths or (_default_path(),), settings, engines)
    _measure(plan, json_file, output)


@cli.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--output", default="table", show_default=True, type=_OUTPUT, help="What to print.")
def report(file: Path, output: str) -> None:
    """Draw the table of a FILE that --json wrote, on any machine."""
    from edge_runtime import results
    from edge_runtime.report import render

    measured = results.read(file)
    try:
        click.echo(render(measured, output))
    except (TypeError, ValueError, KeyError, AttributeError, ArithmeticError) as error:
        raise BundleError(f"{file} is damaged: {error!r}. Measure again.") from error


def _measure(plan: "Plan", json_file: Path | None, output: str) -> None:
    from edge_runtime import results, runner
    from edge_runtime.report import render

    if json_file:
        _check_writable(json_file, plan)
    problems = runner.corrupt_files(plan)
    rows: list[results.Row] = []
    with _progress(len(plan.jobs)) as advance:
        for row in runner.run(plan):
            rows.append(row)
            if json_file:
                results.of_this_host(plan.settings, rows).write(json_file)
            advance(1)
    measured = results.of_this_host(plan.settings, rows)
    click.echo(render(measured, output))
    for problem in problems:
        click.echo(f"Error: {problem}", err=True)
    raise SystemExit(1 if problems else measured.exit_code)


def _check_writable(json_file: Path, plan: "Plan") -> None:
    """Refuse what cannot be written, or should not, before anything is measured."""
    from edge_runtime import manifest

    target = json_file.resolve()
    if target.exists() and not target.is_file():
        raise click.UsageError(f"--json {json_file}: not a regular file.")
    if target.parent in {job.bundle.resolve() for job in plan.jobs} and target.suffix != ".json":
        raise click.UsageError(f"--json {json_file}: give a file that ends in .json.")
    if target.name == manifest.FILE:
        raise click.UsageError(f"--json {json_file}: that is a bundle's manifest.")
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}."):
            pass
    except OSError as error:
        reason = f"cannot write to {target.parent} ({error.strerror})"
        raise click.UsageError(f"--json {json_file}: {reason}.") from error


@contextmanager
def _progress(jobs: int) -> Iterator[Callable[[int], object]]:
    """Show a bar on standard error where somebody watches."""
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    with click.progressbar(length=jobs, label="measuring", file=sys.stderr) as bar:
        yield bar.update


def _default_path() -> Path:
    """Return ``edge-bench.pyz``'s own folder if that is a bundle, else the current one."""
    from edge_runtime import manifest

    archive = Path(edge_runtime.__file__).parent.parent
    if archive.is_file() and (archive.parent / manifest.FILE).is_file():
        return archive.parent
    return Path.cwd()


def main() -> None:
    """Run the command."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may know no box-drawing characters
        sys.stdout.reconfigure(errors="replace")
    cli(prog_name="edge-bench")
