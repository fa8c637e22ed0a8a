"""The result document: JSON that crosses machines, so it has a schema version.

Schema history:
    1  first: settings, host, one row an artifact, its samples in one list.
    2  rows have turns, one a round, with the machine's state around the samples; batch size and
       threads are a row's; verdicts are written for other programs (and judged anew when read).
"""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge_runtime import strict, verdict
from edge_runtime.errors import BundleError
from edge_runtime.files import write_text
from edge_runtime.results import Results, Row

SCHEMA = 2


def header(results: Results) -> dict[str, Any]:
    """Return all of a document but its rows, as JSON values."""
    content = asdict(results)
    del content["rows"]
    verdict_of_run = verdict.of_run(results).to_json()
    found: dict[str, Any] = _finite({"schema": SCHEMA, **content, "verdict": verdict_of_run})
    return found


def rows(results: Results) -> list[dict[str, Any]]:
    """Return the rows of a document, each with its verdict, as JSON values."""
    judged = verdict.of_rows(results)
    return [
        _finite({**asdict(row), "verdict": judged[i].to_json()})
        for i, row in enumerate(results.rows)
    ]


def text(results: Results) -> str:
    """Return the document's text."""
    content = {**header(results), "rows": rows(results)}
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def write(results: Results, path: Path) -> None:
    """Write the document atomically."""
    write_text(path, text(results))


def read(path: Path) -> Results:
    """Read a result document.

    Raises:
        BundleError: it is none, of another schema, or damaged; the message names the place.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise BundleError(
            f"{path} is not a results file of `edge-bench --json`: {error}."
        ) from error
    if not isinstance(content, dict) or "schema" not in content or "rows" not in content:
        raise BundleError(f"{path} is not a results file of `edge-bench --json`.")
    if content["schema"] != SCHEMA:
        raise BundleError(
            f"{path} has schema {content['schema']!r}; this edge-bench reads {SCHEMA}. "
            "Measure again."
        )
    try:
        found = strict.build(Results, content)
        for i, row in enumerate(found.rows):
            _check(row, f"rows[{i}]")
    except ValueError as error:
        raise BundleError(f"{path} is damaged: {error}. Measure again.") from error
    return found


def _check(row: Row, where: str) -> None:
    """Refuse what no measurement gives and arithmetic would stumble over."""
    if row.batch_size < 1 or row.threads < 1:
        raise ValueError(f"{where} has batch size {row.batch_size} and {row.threads} threads")
    for i, turn in enumerate(row.turns):
        place = f"{where}.turns[{i}]"
        if not turn.samples_ns or min(turn.samples_ns) <= 0 or turn.calls_per_sample < 1:
            raise ValueError(f"{place}.samples_ns and calls_per_sample have to be positive")
        if turn.round != i + 1:
            raise ValueError(f"{place}.round is {turn.round}, and should be {i + 1}")
    for part in (row.accuracy, row.accuracy.get("data") or {}):
        if part and not 0 <= part.get("right", -1) <= part.get("images", 0):
            raise ValueError(f"{where}.accuracy has {part.get('right')} of {part.get('images')}")


def _finite(value: Any) -> Any:
    """Return JSON values with numbers that JSON does not know (infinite, not a number) as None."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
