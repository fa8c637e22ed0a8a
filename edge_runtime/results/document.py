"""The result document: JSON that crosses machines, so it has a schema version.

Schema history:
    1  first: settings, host, one row an artifact, its samples in one list.
    2  rows have turns, one a round, with the machine's state around the samples; batch size and
       threads are a row's; verdicts are written for other programs (and judged anew when read).
    3  settings say whether the CPU was emulated. Documents of schema 2 are read: theirs was not.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from edge_runtime.documents import strict
from edge_runtime.errors import BundleError, UsageError
from edge_runtime.files import write_pieces
from edge_runtime.results import checks, verdict
from edge_runtime.results.rows import Results, Turn

SCHEMA = 3
READABLE = (2, 3)


def header(results: Results) -> dict[str, Any]:
    """Return all of a document but its rows, as JSON values."""
    content = {field.name: getattr(results, field.name) for field in fields(results)}
    del content["rows"]
    content |= {"settings": results.settings.to_json()}
    judged = verdict.of_run(results).to_json()
    found: dict[str, Any] = _finite({"schema": SCHEMA, **content, "verdict": judged})
    return found


def rows(results: Results) -> Iterator[dict[str, Any]]:
    """Yield the rows of a document, each with its verdict, as JSON values."""
    for row, judged in zip(results.rows, verdict.of_rows(results), strict=True):
        content = {field.name: getattr(row, field.name) for field in fields(row)}
        content["turns"] = [_turn(turn) for turn in row.turns]
        yield {
            **content,
            "accuracy": _finite(row.accuracy),
            "verdict": judged.to_json(),
        }


def text(results: Results) -> str:
    """Return the document's text."""
    return "".join(_pieces(results))


def write(results: Results, path: Path) -> None:
    """Write the document atomically."""
    write_pieces(path, _pieces(results))


def _pieces(results: Results) -> Iterator[str]:
    """Yield the document's text, a line for each turn: it is never in memory as a whole."""
    yield "{\n"
    for key, value in header(results).items():
        yield f" {json.dumps(key)}: {_indented(value, 1)},\n"
    yield ' "rows": ['
    for i, row in enumerate(rows(results)):
        turns = row.pop("turns")
        yield ",\n  {\n" if i else "\n  {\n"
        for key, value in row.items():
            yield f"   {json.dumps(key)}: {_indented(value, 3)},\n"
        yield '   "turns": ['
        for j, turn in enumerate(turns):
            yield f"{',' if j else ''}\n    {json.dumps(turn, allow_nan=False)}"
        yield "\n   ]\n  }"
    yield "\n ]\n}\n"


def _turn(turn: Turn) -> dict[str, Any]:
    content = {field.name: getattr(turn, field.name) for field in fields(turn)}
    for name in ("memory", "before", "after"):
        content[name] = _finite(content[name])
    return content


def _indented(value: Any, depth: int) -> str:
    lines = json.dumps(value, indent=1, allow_nan=False).splitlines()
    return ("\n" + " " * depth).join(lines)


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
    if content["schema"] not in READABLE:
        raise BundleError(
            f"{path} has schema {content['schema']!r}; this edge-bench reads "
            f"{' and '.join(map(str, READABLE))}. Measure again."
        )
    try:
        found = strict.build(Results, content)
        checks.check(found)
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
