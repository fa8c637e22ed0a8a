"""The command ``edge-bench``: measure a bundle's artifacts on this device."""

import io
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import edge_runtime
from edge_runtime.classify.command import classify
from edge_runtime.command import CommandGroup
from edge_runtime.doctor.command import doctor
from edge_runtime.errors import RecordingError, UsageError
from edge_runtime.measure.options import Counts, Cpus

if TYPE_CHECKING:
    from edge_runtime.measure.runner import Step
    from edge_runtime.results.rows import Results

_WHAT = """\
Measure the artifacts of bundles on this device: latency, memory, size and accuracy, each artifact
in processes of its own, in rounds, with a verdict on whether the figures can be believed.

PATHS are bundle folders or artifacts in them; without one, the folder that edge-bench.pyz lies in,
else the current one.

"""
_EXAMPLES = """\b
Examples:
  edge-bench                              the bundle in the current folder
  edge-bench seed-cnn-bundle --json results.json
  edge-bench seed-cnn-bundle --threads 1,2,4 --batch-size 1,8
  edge-bench a-bundle b-bundle --require valid
  edge-bench report results.json --output markdown
  edge-bench compare before.json after.json
  edge-bench doctor                       what will go wrong here, before it does
  edge-bench classify photos/             what the model sees"""

_OUTPUT = click.Choice(["table", "markdown", "csv", "json", "jsonl"])
_GRADES = click.Choice(["valid", "suspect"])
_SECONDS = click.FloatRange(0)


def _option(*names: str, **attrs: Any) -> Callable[[Any], Any]:
    """Return an option; one with a default shows it."""
    return click.option(*names, **{"show_default": "default" in attrs, **attrs})


def _file(**attrs: Any) -> click.Path:
    return click.Path(dir_okay=False, path_type=Path, **attrs)


@click.group(
    cls=CommandGroup,
    default="run",
    subcommand_metavar="[PATHS]... | COMMAND [ARGS]...",
    install="pip install numpy onnxruntime",
    help=_WHAT + _EXAMPLES,
    epilog="Exit: 0 all rows ran or only lack their engine; 1 a row is corrupt, crashed, "
    "mismatched, failed or timed out, none ran, or --require is not met; 2 the command line is "
    "wrong.",
)
@click.version_option(edge_runtime.__version__, prog_name="edge-bench")
def cli() -> None:
    """Hold the subcommands; its help text stands above, with the examples."""


@cli.command(help=_WHAT, short_help="Measure bundles (the default).")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@_option("--engine", "engines", multiple=True, metavar="NAME", help="Only this engine; may repeat.")
@_option("--threads", default="1", type=Counts(), help="Threads of the engine; a row for each.")
@_option("--batch-size", "batch_sizes", default="1", type=Counts(), help="Images a call; as above.")
@_option("--cpus", default=(), type=Cpus(), help="Pin to these CPUs: 3, or 0,2-3.")
@_option("--rounds", default=10, type=click.IntRange(1), help="Fresh processes a row.")
@_option("--min-runs", default=700, type=click.IntRange(1), help="Samples a row, at least.")
@_option("--min-time", default=3.0, type=_SECONDS, help="Seconds of them, at least.")
@_option("--max-time", default=60.0, type=_SECONDS, help="Seconds of them, at most.")
@_option("--cooldown", default=0.0, type=_SECONDS, help="Seconds to rest before each process.")
@_option("--accuracy-images", default=500, type=click.IntRange(1), help="Golden images for top-1.")
@_option(
    "--accuracy-data",
    metavar="FILE|DIR",
    type=click.Path(path_type=Path),
    help="Other images for top-1: CIFAR-10's binary version, or .npz.",
)
@_option(
    "--timeout",
    default=600.0,
    type=click.FloatRange(0, min_open=True),
    help="Seconds a process may take.",
)
@_option(
    "--seed", default=0, type=click.IntRange(0, 2**31 - 1), help="Of the random order of rows."
)
@_option(
    "--emulated",
    is_flag=True,
    help="The CPU is emulated: no latency, no memory, one short round. Found out where possible.",
)
@_option("--json", "json_file", type=_file(), help="Keep everything here, after every turn.")
@_option("--resume", is_flag=True, help="Go on with the run that --json holds.")
@_option("--require", type=_GRADES, help="Exit 1 unless the verdict is this or better.")
@_option("--output", default="table", type=_OUTPUT, help="What to print.")
@click.pass_context
def run(
    ctx: click.Context,
    /,
    paths: tuple[Path, ...],
    engines: tuple[str, ...],
    json_file: Path | None,
    resume: bool,
    require: str | None,
    output: str,
    accuracy_data: Path | None,
    **values: Any,
) -> None:
    """Make the plan and carry it out."""
    from edge_runtime.bundle import installing
    from edge_runtime.bundle.location import default_bundle
    from edge_runtime.measure import accuracy_data as labelled
    from edge_runtime.measure import plan as planning
    from edge_runtime.measure import recording, runner, self_check

    if resume and not json_file:
        raise UsageError("--resume goes on with a file: give --json FILE.")
    file = labelled.find(accuracy_data) if accuracy_data else None
    _settle_emulation(ctx, values)
    settings = _settings(values, labelled.described(file) if file else "")
    plan = planning.make(paths or (default_bundle(),), settings, engines, file)
    installing.require_numpy(plan.jobs[0].bundle)
    if file:
        labelled.check(file, sorted({job.bundle for job in plan.jobs}))
    if resume and json_file:
        record = recording.resumed(plan, json_file)
    else:
        record = recording.new(plan, json_file)
    problems = [*plan.problems, *runner.corrupt_files(plan)]
    for problem in problems:
        click.echo(f"Error: {problem}", err=True)
    for line in self_check.lines(plan):
        click.echo(line, err=True)
    try:
        with _progress() as progress:
            measured = record.run(progress)
    except KeyboardInterrupt:
        _interrupted(record.results, output, json_file)
    except RecordingError:
        _print(record.results, output)
        raise
    _print(measured, output)
    for problem in problems:  # once more, where the eye is now
        click.echo(f"Error: {problem}", err=True)
    raise SystemExit(_exit_code(measured, require, bool(problems)))


@cli.command()
@click.argument("file", type=_file())
@_option("--require", type=_GRADES, help="Exit 1 unless the verdict is this or better.")
@_option("--output", default="table", type=_OUTPUT, help="What to print.")
def report(file: Path, require: str | None, output: str) -> None:
    """Draw the table of a FILE that --json wrote, on any machine."""
    from edge_runtime.results import document

    measured = document.read(file)
    _print(measured, output)
    raise SystemExit(_exit_code(measured, require, failed=False) if require else 0)


@cli.command()
@click.argument("files", nargs=-1, required=True, type=_file(), metavar="A.json B.json ...")
@_option(
    "--allow",
    multiple=True,
    type=click.Choice(["host", "cpus", "threads", "batch-size", "model"]),
    help="Compare although this differs; may repeat.",
)
@_option(
    "--output",
    default="table",
    type=click.Choice(["table", "markdown", "csv", "json"]),
    help="What to print.",
)
def compare(files: tuple[Path, ...], allow: tuple[str, ...], output: str) -> None:
    """Compare result files with the first: ratios with intervals, row by row.

    Runs whose machine, pinning, threads, batch size or model differ are refused unless allowed.
    """
    from edge_runtime.report import compared
    from edge_runtime.results import comparison

    click.echo(compared.render(comparison.of(files, frozenset(allow)), output))


_EMULATED = {"rounds": 1, "min_runs": 1, "min_time": 0.0}
"""Where an emulator runs it, for what nobody asked otherwise: its time says nothing."""


def _settle_emulation(ctx: click.Context, values: dict[str, Any]) -> None:
    """Say whether the CPU is emulated, whoever found it out, and measure no longer than needed."""
    from edge_runtime.probes import emulation

    kernel = emulation.emulator(emulation.emulated_on())
    if kernel and not values["emulated"]:
        values["emulated"] = True
        click.echo(
            f"Note: this CPU is emulated on {kernel}, so --emulated is set: latency and memory are "
            "not applicable.",
            err=True,
        )
    if values["emulated"]:
        unasked = click.core.ParameterSource.DEFAULT
        names = [name for name in _EMULATED if ctx.get_parameter_source(name) is unasked]
        values.update({name: _EMULATED[name] for name in names})


def _settings(values: dict[str, Any], accuracy_data: str) -> Any:
    from edge_runtime.results.settings import Settings

    seconds = {name: values.pop(name) for name in ("min_time", "max_time", "cooldown", "timeout")}
    in_seconds = {f"{name}_s": value for name, value in seconds.items()}
    return Settings(**values, **in_seconds, accuracy_data=accuracy_data)


def _print(measured: "Results", output: str) -> None:
    from edge_runtime.report import render

    click.echo(render(measured, output))


def _exit_code(measured: "Results", require: str | None, failed: bool) -> int:
    from edge_runtime.results import verdict

    if require and (grade := verdict.of_run(measured).grade) > verdict.Grade[require.upper()]:
        click.echo(f"Error: the verdict is {grade.name}, --require {require}.", err=True)
        return 1
    return 1 if failed else measured.exit_code


def _interrupted(measured: "Results", output: str, json_file: Path | None) -> None:
    """Show what there is before leaving: a measurement that was made is not thrown away."""
    if measured.rounds_done and measured.rows:
        _print(measured, output)
    kept = f" Go on with --json {json_file} --resume." if json_file else ""
    rounds = f"after {measured.rounds_done} of {measured.settings.rounds} rounds"
    click.echo(f"Interrupted {rounds}.{kept}", err=True)
    raise SystemExit(130)


@contextmanager
def _progress() -> Iterator[Callable[["Step"], object]]:
    """Show a bar on standard error where somebody watches."""
    if not sys.stderr.isatty():
        yield lambda step: None
        return
    with click.progressbar(length=1, label="measuring", file=sys.stderr) as bar:

        def advance(step: "Step") -> None:
            bar.length = step.total
            bar.update(step.turns - bar.pos)

        yield advance


cli.add_command(doctor)
cli.add_command(classify)


def main() -> None:
    """Run the command."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # as edge-bench.pyz leaves it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may know no box-drawing characters
        sys.stdout.reconfigure(errors="replace")
    cli(prog_name="edge-bench")
