"""What engines do on this device when they are tried, and what each artifact answers on them."""

from collections.abc import Iterator

from edge_runtime import engines
from edge_runtime.bundle.manifest import SETUP_FILE
from edge_runtime.doctor.contents import Contents
from edge_runtime.doctor.facts import Facts
from edge_runtime.doctor.finding import Finding, fatal, ok, unknown, warning
from edge_runtime.errors import ToolkitError
from edge_runtime.measure import plan, runner, self_check
from edge_runtime.probes.host import Host
from edge_runtime.results.rows import Results, Status
from edge_runtime.results.settings import Settings
from edge_runtime.setup import engine_import
from edge_runtime.setup.engine_import import Tried

_USUAL = "onnxruntime"
"""What is asked for where there is no engine at all."""

SELF_CHECK_IMAGES = 64
"""Golden images that each artifact answers: one ruined layer shows in a few."""


def wanted(contents: Contents | None) -> tuple[str, ...]:
    """Return the names of the engines to try: those that are installed here.

    With a bundle those that checked its artifacts, installed or not, and others that read them.
    """
    if contents is None:
        return tuple(filter(engines.is_installed, engines.names())) or (_USUAL,)
    formats = {artifact.format for artifact in contents.manifest.artifacts}
    reading = {name for format_ in formats for name in engines.reading(format_)}
    return tuple(sorted({*_checking(contents), *filter(engines.is_installed, reading)}))


def _checking(contents: Contents) -> list[str]:
    return sorted({artifact.engine for artifact in contents.manifest.artifacts})


def attempt(name: str, contents: Contents | None) -> Tried:
    """Import an engine in a child process, and return what became of it."""
    artifacts = contents.manifest.artifacts if contents else ()
    precisions = {one.precision for one in artifacts if name in engines.reading(one.format)}
    return engine_import.attempt(name, precisions)


def imports(tried: list[Tried], contents: Contents | None) -> Iterator[Finding]:
    """Say what became of each engine's import."""
    any_works = any(one.works for one in tried)
    for one in tried:
        if one.works:
            yield ok("engine", f"{one.name} {one.version} can be imported")
        elif one.missing:
            level = warning if any_works else fatal
            yield level("engine", f"{one.name} is not installed", _installing(one, contents))
        else:
            remedy = "another release of it may run: " + one.install if one.install else ""
            yield fatal("engine", f"{one.name}: {one.problem}", remedy)


def checks(tried: list[Tried]) -> Iterator[Finding]:
    """Say what the engines found out about themselves."""
    for check in (check for one in tried for check in one.checks):
        if check.remedy:
            yield fatal(check.name, check.text, check.remedy)
        else:
            yield ok(check.name, check.text)


def to_come(contents: Contents, facts: Facts) -> Iterator[Finding]:
    """Say which engines a device that is only named will have."""
    have = {name: contents.wheel(engines.distribution(name)) for name in _checking(contents)}
    for name, wheel in have.items():
        if wheel is not None:
            yield ok("engine", f"{name} {wheel.version} comes along, to be tried there")
        elif contents.manifest.wheelhouse is None:
            yield unknown("engine", f"{name} has to be installed on {facts.name}")
        else:
            level = warning if any(have.values()) else fatal
            options = " ".join(filter(None, ("--wheels", engines.get(name).ASKED_FOR)))
            yield level("engine", f"no wheel of {name} comes along", f"export with {options}")


def models(contents: Contents, facts: Facts) -> Iterator[Finding]:
    """Say which release checked each artifact, and which one a named device will have."""
    for artifact in contents.manifest.artifacts:
        name = engines.distribution(artifact.engine)
        wheel = contents.wheel(name)
        checked = contents.manifest.versions.get(name, "")
        onnx = f" (IR {artifact.ir_version}, opset {artifact.opset})" if artifact.opset else ""
        text = f"{artifact.file}{onnx}: checked with {name} {checked}"
        if wheel is not None and wheel.version == checked.partition("+")[0]:
            yield ok("model", f"{text}, which comes along")
        else:
            brought = f", and {wheel.version} comes along" if wheel else ""
            yield unknown(
                "model", f"{text}{brought}", f"run doctor on {facts.name}: it loads each artifact"
            )


def golden(contents: Contents, timeout_s: float) -> Iterator[Finding]:
    """Load each artifact, and hold its answers to the golden ones, each in a child process."""
    try:
        made = plan.make(
            (contents.bundle,), Settings(accuracy_images=SELF_CHECK_IMAGES, timeout_s=timeout_s)
        )
    except ToolkitError as error:
        yield fatal("model", str(error), "export the bundle again")
        return
    rows = list(runner.check(made))
    shown = Results(made.settings, Host(), tuple(rows))
    for row, job in zip(rows, made.jobs, strict=True):
        onnx = f" (IR {job.artifact.ir_version}, opset {job.artifact.opset})"
        name = shown.label(row) + (onnx if job.artifact.opset else "")
        text = f"{name}: {self_check.describe(row)}"
        if row.status is Status.OK:
            yield ok("model", text)
        elif row.status is Status.ENGINE_MISSING:
            yield unknown("model", text)
        else:
            least = contents.manifest.versions.get(row.engine, "")
            checked = row.engine == job.artifact.engine and row.status is not Status.CORRUPT
            remedy = f"{row.engine} {least} checked it: install that release" if checked else ""
            yield fatal("model", text, remedy)


def _installing(one: Tried, contents: Contents | None) -> str:
    if contents is not None and contents.wheel(engines.distribution(one.name)):
        return f"./{SETUP_FILE} installs it from the bundle"
    return f"{one.install}, in a virtual environment"
