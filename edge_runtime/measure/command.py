"""The command ``edge-bench run``: measure bundles on this device."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_runtime.command import streams
from edge_runtime.errors import RecordingError
from edge_runtime.measure.options import Counts, Cpus
from edge_runtime.report import gates
from edge_runtime.report.command import (
    OUTPUTS,
    exit_code,
    needs_options,
    require_option,
    show,
    take_needs,
)
from edge_runtime.results import settings
from edge_runtime.results.settings import Settings

if TYPE_CHECKING:
    from edge_runtime.measure.plan import Plan
    from edge_runtime.measure.recording import Recording

WHAT = """\
Measure the artifacts of bundles on this device: latency, memory, size and accuracy. Each artifact
runs in processes of its own, in rounds, and the verdict says whether the figures can be trusted.

PATHS are bundle folders or artifacts in them. Without PATHS, the folder that edge-bench.pyz lies in
is measured, or else the current folder.

"""
_SECONDS = click.FloatRange(0)


def _option(*names: str, **attrs: Any) -> Callable[[Any], Any]:
    """Return an option; one with a default shows it."""
    return click.option(*names, **{"show_default": "default" in attrs, **attrs})


@click.command(help=WHAT, short_help="Measure bundles (the default).", epilog=gates.EPILOG)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@_option(
    "--engine",
    "engines",
    multiple=True,
    metavar="NAME",
    help="Run on this engine alone; may be repeated. Default: the engine that checked an artifact "
    "at export, and every other installed engine that reads its format.",
)
@_option(
    "--threads",
    default="1",
    type=Counts(settings.MOST_THREADS),
    help="Threads of the engine; one row for each count.",
)
@_option(
    "--batch-size",
    "batch_sizes",
    default="1",
    type=Counts(settings.MOST_BATCH),
    help="Images per call; one row each.",
)
@_option("--cpus", default=(), type=Cpus(), help="Pin the processes to these CPUs: 3, or 0,2-3.")
@_option(
    "--rounds",
    default=10,
    type=click.IntRange(1, settings.MOST_ROUNDS),
    help="Rounds; one new process per row.",
)
@_option(
    "--min-runs",
    default=700,
    type=click.IntRange(1, settings.MOST_RUNS),
    help="Minimum samples of a row.",
)
@_option(
    "--min-time",
    default=3.0,
    type=_SECONDS,
    help="Minimum total time of a row's samples, in seconds.",
)
@_option(
    "--max-time",
    default=60.0,
    type=_SECONDS,
    help="Maximum total time of a row's samples, in seconds.",
)
@_option("--cooldown", default=0.0, type=_SECONDS, help="Pause before each process, in seconds.")
@_option(
    "--accuracy-images",
    default=500,
    type=click.IntRange(1, settings.MOST_IMAGES),
    help="Maximum number of golden images for top-1.",
)
@_option(
    "--accuracy-data",
    metavar="FILE|DIR",
    type=click.Path(path_type=Path),
    help="Use these images for top-1 instead: CIFAR-10's binary version, or .npz.",
)
@_option(
    "--timeout",
    default=600.0,
    type=click.FloatRange(0, min_open=True),
    help="Maximum time of one process, in seconds.",
)
@_option(
    "--seed",
    default=0,
    type=click.IntRange(0, 2**31 - 1),
    help="Seed of the random order of the rows.",
)
@_option(
    "--energy",
    is_flag=True,
    help="Measure the energy of an inference, after the rounds: some 75 s more per row. It needs a "
    "counter or sensor that can be read: see edge-bench doctor.",
)
@_option(
    "--sustained",
    metavar="MINUTES",
    type=click.FloatRange(0, min_open=True),
    help="After the rounds, keep each row under load for so long, one after the other: throughput, "
    "clock and temperature against time, and when and why it fell.",
)
@_option(
    "--at-fps",
    metavar="N",
    type=click.FloatRange(0, min_open=True),
    help="Pace that load: so many images a second. The results say whether the row holds it.",
)
@_option(
    "--emulated",
    is_flag=True,
    help="The CPU is emulated: the verdict is INVALID. Detected where the kernel tells.",
)
@_option(
    "--profile",
    is_flag=True,
    help="After measuring, profile the operators of each row in another process: what takes the "
    "time, and why INT8 is faster or slower than FP32 here.",
)
@_option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Save all samples in this file, after every turn.",
)
@_option("--resume", is_flag=True, help="Continue the run in the --json file.")
@_option(
    "--tune",
    "tune_s",
    metavar="SECONDS",
    type=click.FloatRange(0, min_open=True),
    help="Before measuring, try the engines' settings for about so long in all. What is faster "
    "than the defaults is kept in the bundle's tuned.json, and measured as a row of its own, now "
    "and later.",
)
@_option(
    "--commit",
    default="",
    envvar="GITHUB_SHA",
    metavar="TEXT",
    show_default=False,
    help="Keep this with the results, for edge-bench history. Default: $GITHUB_SHA.",
)
@gates.budget_option
@require_option
@needs_options
@_option("--output", default="table", type=click.Choice(OUTPUTS), help="Format of the output.")
def run(
    paths: tuple[Path, ...],
    engines: tuple[str, ...],
    json_file: Path | None,
    resume: bool,
    require: str | None,
    output: str,
    accuracy_data: Path | None,
    tune_s: float | None,
    **values: Any,
) -> None:
    """Make the plan and carry it out."""
    from edge_runtime.measure import recording

    plan = _plan(paths, engines, accuracy_data, values)
    if tune_s is not None:
        plan = _tune(plan, tune_s)
    with recording.begin(plan, json_file, resume=resume) as record:
        problems = _report_problems(plan)
        _measure(record, output)
    show(record.results, output)
    _report(problems)  # once more, where the eye is now
    code = exit_code(record.results, require, failed=bool(problems))
    raise SystemExit(gates.hold_to_budget(record.results, code))


def _plan(
    paths: tuple[Path, ...],
    engines: tuple[str, ...],
    accuracy_data: Path | None,
    values: dict[str, Any],
) -> "Plan":
    """Return the plan, once its processes will find what they need."""
    from edge_runtime.bundle import installing
    from edge_runtime.bundle.location import default_bundle
    from edge_runtime.measure import accuracy_data as labelled
    from edge_runtime.measure import plan as planning
    from edge_runtime.results import side_by_side

    file = labelled.find(accuracy_data) if accuracy_data else None
    how = _settings(values, labelled.describe(file) if file else "")
    plan = planning.make(paths or (default_bundle(),), how, engines, file)
    side_by_side.require_two({job.name for job in plan.jobs}, how.budget.slower_percent)
    installing.require_numpy(plan.jobs[0].bundle)
    if file:
        labelled.check(file, sorted({job.bundle for job in plan.jobs}))
    return plan


def _tune(plan: "Plan", budget_s: float) -> "Plan":
    """Find the engines' fastest settings, keep them in the bundles, and return the plan with them.

    What was found before an interruption is kept.
    """
    from edge_runtime.bundle import tuned
    from edge_runtime.measure import plan as planning
    from edge_runtime.measure import runner, tuning
    from edge_runtime.probes.host import Host
    from edge_runtime.results.rows import Results

    shown = Results(plan.settings, Host(), tuple(map(runner.row, plan.jobs)))
    streams.tell("Engines' settings, each against the defaults:")
    for one in tuning.tune(plan, budget_s):
        tuned.write(one.job.bundle, [one.entry])
        streams.tell(f"  {shown.label(runner.row(one.job))}: {tuning.describe(one)}")
    return planning.with_tuned(plan)


def _settings(values: dict[str, Any], accuracy_data: str) -> Settings:
    seconds = {name: values.pop(name) for name in ("min_time", "max_time", "cooldown", "timeout")}
    in_seconds = {f"{name}_s": value for name, value in seconds.items()}
    in_seconds["sustained_s"] = 60 * (values.pop("sustained") or 0.0)
    values["at_fps"] = values["at_fps"] or 0.0
    needs, budget = take_needs(values), gates.take_budget(values)
    return Settings(**values, **in_seconds, needs=needs, budget=budget, accuracy_data=accuracy_data)


def _report_problems(plan: "Plan") -> list[str]:
    """Say what is wrong with paths and files that are no artifacts, and return it."""
    from edge_runtime.measure import runner

    problems = [*plan.problems, *runner.corrupt_files(plan)]
    _report(problems)
    return problems


def _report(problems: list[str]) -> None:
    for problem in problems:
        streams.tell(f"Error: {problem}")


def _measure(record: "Recording", output: str) -> None:
    """Measure what is left; what stops it shows what was measured before."""
    from edge_runtime.measure.progress import Progress

    try:
        with Progress(record) as progress:
            record.run(progress)
    except KeyboardInterrupt:
        _end_interrupted(record, output)
    except RecordingError:
        show(record.results, output)
        raise


def _end_interrupted(record: "Recording", output: str) -> None:
    """Show what there is before leaving: a measurement that was made is not thrown away."""
    results = record.results
    if results.rounds_done and results.rows:
        show(results, output)
    go_on = f" Continue with --json {record.file} --resume." if record.file else ""
    how_far = f"after {results.rounds_done} of {results.settings.rounds} rounds"
    if results.rounds_done == results.settings.rounds:
        left = Counter(name for row in results.rows for name in row.extras_left(results.settings))
        missing = ", ".join(
            f"{name} of {count} row{'s' * (count > 1)}" for name, count in left.items()
        )
        how_far += f", without {missing}" if missing else ""
    streams.tell(f"Interrupted {how_far}.{go_on}")
    raise SystemExit(130)
