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

from edge_runtime import results_checks, strict, verdict
from edge_runtime.errors import BundleError, UsageError
from edge_runtime.files import write_text
from edge_runtime.results import Results

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
        results_checks.check(found)
    except (ValueError, UsageError) as error:
        raise BundleError(f"{path} is damaged: {error}. Measure again.") from error
    return found


def _finite(value: Any) -> Any:
    """Return JSON values with numbers that JSON does not know (infinite, not a number) as None."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
