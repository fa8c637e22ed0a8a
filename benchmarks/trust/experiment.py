"""What the experiments on edge-bench share: their records, options and claims.

A record says what was measured with what, and holds one trial a line. It is written after every
trial, and a rerun with the same settings goes on with it. What is claimed is computed from the
trials when it is drawn.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

import edge_runtime
from edge_runtime.documents.values import to_json
from edge_runtime.files import write_text
from edge_runtime.measure import plan
from edge_runtime.probes import host
from edge_runtime.results.rows import Row, Status
from edge_runtime.results.settings import Settings
from edge_runtime.results.statistics import Estimate

HERE = Path(__file__).resolve().parent
BENCHMARKS = HERE.parent
OUT = BENCHMARKS / "results" / "trust"
BUNDLE = BENCHMARKS / "seed-cnn-int8-bundle"


Command = Callable[..., None]


@dataclass(frozen=True)
class Claim:
    """What is promised, beside what was found.

    Attributes:
        text: the promise.
        measured: what was found.
        holds: whether that keeps the promise; None where not everything is measured yet.
    """

    text: str
    measured: str = "not measured yet"
    holds: bool | None = None

    def cells(self) -> list[str]:
        """Return it as a table's row."""
        held = {True: "yes", False: "**no**", None: "–"}[self.holds]
        return [self.text, self.measured, held]


class Record:
    """The file of an experiment, on its way.

    Args:
        name: of the experiment; the file is called after it.
        out: the folder of the file.
        settings: how it is measured, JSON values.
        artifacts: what it is measured with.
        anew: whether to start afresh where there is a file.
    """

    def __init__(
        self,
        name: str,
        out: Path,
        settings: dict[str, Any],
        artifacts: tuple[plan.Job, ...],
        *,
        anew: bool,
    ) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self._path = out / f"{name}.json"
        self.content = _header(settings, artifacts)
        if self._path.exists() and not anew:
            found = read(self._path)
            for key, value in self.content.items():
                if key not in ("started", "trials") and found.get(key) != value:
                    raise click.ClickException(
                        f"{self._path} was measured with other {key} ({found.get(key)}, now "
                        f"{value}): --anew starts afresh"
                    )
            self.content = found

    @property
    def trials(self) -> list[dict[str, Any]]:
        """What was measured so far."""
        found: list[dict[str, Any]] = self.content["trials"]
        return found

    def add(self, trial: dict[str, Any]) -> None:
        """Keep a trial."""
        self.trials.append(trial)
        self._write()

    def replace(self, position: int, trial: dict[str, Any]) -> None:
        """Keep a trial instead of another one."""
        self.trials[position] = trial
        self._write()

    def _write(self) -> None:
        lines = {key: json.dumps(value, indent=1) for key, value in self.content.items()}
        lines["trials"] = "[\n" + ",\n".join(map(json.dumps, self.trials)) + "\n]"
        body = ",\n".join(f"{json.dumps(key)}: {value}" for key, value in lines.items())
        write_text(self._path, f"{{\n{body}\n}}\n")


def read(path: Path) -> dict[str, Any]:
    """Return a record's content."""
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def _header(settings: dict[str, Any], artifacts: tuple[plan.Job, ...]) -> dict[str, Any]:
    made_of = {job.artifact.file: job.artifact.sha256 for job in artifacts}
    versions = {name: metadata.version(name) for name in ("onnxruntime", "numpy")}
    return {
        "schema": 1,
        "tool": f"edge-bench {edge_runtime.__version__}",
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": to_json(host.describe()),
        "versions": versions,
        "artifacts": made_of,
        "settings": settings,
        "trials": [],
    }


def options(bundle: Path | None = BUNDLE) -> Callable[[Command], Command]:
    """Return what adds the options that every experiment has, with the bundle it takes if any."""
    folder = click.Path(file_okay=False, path_type=Path)
    usual = "the kept one" if bundle else "the shipped model, exported"

    def add(command: Command) -> Command:
        for option in (
            click.option("--anew", is_flag=True, help="Start afresh, whatever is recorded."),
            click.option("--bundle", default=bundle, type=folder, help=f"[default: {usual}]"),
            click.option("--out", default=OUT, type=folder, help="Folder of the record."),
        ):
            command = option(command)
        return command

    return add


def artifacts(bundle: Path) -> tuple[plan.Job, ...]:
    """Return the bundle's ONNX artifacts as jobs: batch 1, one thread."""
    return plan.make((bundle,), Settings(), ("onnxruntime",)).jobs


def script(name: str, *arguments: object) -> list[str]:
    """Return the command of a script beside this one that imports this very edge_runtime.

    The script finds the folder to import it from as its first argument.
    """
    home = Path(edge_runtime.__file__).resolve().parent.parent
    return [sys.executable, "-P", str(HERE / name), str(home), *map(str, arguments)]


def require_ok(rows: tuple[Row, ...]) -> None:
    """Refuse a measurement that did not end well: it says nothing of the harness."""
    for row in rows:
        if row.status is not Status.OK:
            raise click.ClickException(f"{row.file} is {row.status}: {row.message}")


def bar(record: Record, total: int, unit: str) -> "tqdm[Any]":
    """Return a progress bar, shown where somebody watches."""
    hidden = not sys.stderr.isatty()
    return tqdm(total=total, initial=len(record.trials), unit=unit, disable=hidden)


def clopper_pearson(successes: int, count: int) -> Estimate:
    """Return a proportion with its exact 95 % interval.

    Source: C. Clopper and E. S. Pearson 1934, Biometrika 26:404-413.
    """
    from scipy.stats import binomtest

    exact = binomtest(successes, count).proportion_ci(method="exact")
    return Estimate(successes / count, float(exact.low), float(exact.high))


def show(claims: list[Claim]) -> None:
    """Print what was found."""
    for claim in claims:
        held = {True: "holds", False: "DOES NOT HOLD", None: "not decided"}[claim.holds]
        click.echo(f"{claim.text}: {held}.\n  {claim.measured}")


def setting(record: dict[str, Any]) -> str:
    """Say where and with what a record was measured."""
    machine, versions = record["host"], record["versions"]
    files = ", ".join(record["artifacts"])
    return (
        f"{files}; {machine['cpu'] or machine['machine']}, {machine['cpus']} CPUs, "
        f"{machine['system']} {machine['kernel']}, Python {machine['python']}, ONNX Runtime "
        f"{versions['onnxruntime']}, {record['tool']}, {record['started'][:10]}."
    )
