"""The result document: what was measured, as it was measured.

It crosses machines, so it has a schema version. It keeps every sample in ns; statistics are
computed from the samples when a table is drawn, and never stored instead of them.

Schema history:
    1  first: settings, host, one row an artifact.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from edge_runtime import __version__, host, target
from edge_runtime.errors import BundleError
from edge_runtime.files import write_text
from edge_runtime.plan import Settings

SCHEMA = 1


class Status(StrEnum):
    """How a row ended."""

    OK = "ok"
    ENGINE_MISSING = "engine-missing"
    CORRUPT = "corrupt"
    FAILED = "failed"
    MISMATCHED = "mismatched"
    CRASHED = "crashed"
    TIMED_OUT = "timed-out"


@dataclass(frozen=True)
class Row:
    """One artifact's result.

    Attributes:
        bundle: the bundle folder's name.
        model, file, format, engine, precision, target, size_bytes: from the manifest.
        overridden: gates that it failed when it was exported, from the manifest.
        status: how it ended.
        message: what happened and what to do, where it did not end well.
        engine_version: of the engine that ran it.
        load_ns: from file to loaded session.
        first_ns: the first call.
        warm_up_ns, samples_ns: the calls after it.
        memory: ``import_only_bytes``, ``after_load_bytes``, ``peak_bytes``, or the reason for none.
        accuracy: over the golden images: how many are classified rightly (``right``), and
            ``parity.Parity`` with the FP32 logits of the exporting machine.
    """

    bundle: str
    model: str
    file: str
    format: str
    engine: str
    precision: str
    target: str
    size_bytes: int
    status: Status
    message: str = ""
    engine_version: str = ""
    load_ns: int = 0
    first_ns: int = 0
    warm_up_ns: tuple[int, ...] = ()
    samples_ns: tuple[int, ...] = ()
    memory: dict[str, Any] = field(default_factory=dict)
    accuracy: dict[str, Any] = field(default_factory=dict)
    overridden: tuple[str, ...] = ()

    @property
    def ran(self) -> bool:
        """Whether there are samples to show."""
        return len(self.samples_ns) > 0

    @property
    def peak_bytes(self) -> int | None:
        """Peak memory above the import-only baseline; None where it could not be read."""
        peak, baseline = self.memory.get("peak_bytes"), self.memory.get("import_only_bytes")
        return None if peak is None or baseline is None else max(0, peak - baseline)


@dataclass(frozen=True)
class Results:
    """A run: how it was set, where it ran, and what each artifact came to."""

    settings: Settings
    host: dict[str, Any]
    rows: tuple[Row, ...]
    tool: str = f"edge-bench {__version__}"

    def to_json(self) -> str:
        """Return the document's text."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1) + "\n"

    def write(self, path: Path) -> None:
        """Write the document atomically."""
        write_text(path, self.to_json())

    @property
    def exit_code(self) -> int:
        """0 where all rows ran or only lack their engine; 1 otherwise, or where none ran."""
        fine = all(row.status in (Status.OK, Status.ENGINE_MISSING) for row in self.rows)
        return 0 if fine and any(row.ran for row in self.rows) else 1


def of_this_host(settings: Settings, rows: Iterable[Row]) -> Results:
    """Return results measured on this machine."""
    machine = {**host.describe(), "target": target.of_this_cpu()}
    return Results(settings, machine, tuple(rows))


def read(path: Path) -> Results:
    """Read a result document.

    Raises:
        BundleError: it is none, or of another schema.
    """
    try:
        content = json.loads(path.read_bytes())
        if content["schema"] != SCHEMA:
            raise BundleError(
                f"{path} has schema {content['schema']}; this edge-bench reads {SCHEMA}."
            )
        rows = tuple(_row(row) for row in content["rows"])
        return Results(Settings(**content["settings"]), content["host"], rows, content["tool"])
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(
            f"{path} is not a results file of `edge-bench --json`: {error!r}."
        ) from error


def _row(row: dict[str, Any]) -> Row:
    values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in row.items()}
    return Row(**{**values, "status": Status(row["status"])})
