"""The result document: JSON that crosses machines, so it has a schema version.

Schema history:
    1  first: settings, host, one row an artifact, its samples in one list.
    2  rows have turns, one a round, with the machine's state around the samples; batch size and
       threads are a row's; verdicts are written for other programs (and judged anew when read).
    3  settings say whether the CPU was emulated. Documents of schema 2 are read: theirs was not.
    4  what is unknown or was not measured is null everywhere (no accuracy was ``{}``); the host
       says which machine emulates its CPU. Documents of schema 2 and 3 are read.
    5  rows say how the engine ran them, and with which settings other than its defaults; settings
       say what a row needs to be recommended. Documents of schema 2 to 4 are read.
    6  rows may have energy, a profile, a sustained load; settings say what was asked of them, and
       may have a budget and a commit; what became of the budget is written for other programs.
       Documents of schema 2 to 5 are read.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge_runtime.documents import json_file, strict
from edge_runtime.documents.values import to_json
from edge_runtime.errors import BundleError, UsageError
from edge_runtime.files import write_pieces
from edge_runtime.results import budgets, verdict
from edge_runtime.results.recommendation import recommend
from edge_runtime.results.rows import Results
from edge_runtime.results.verdict import Judgement

SCHEMA = 6
READABLE = (2, 3, 4, 5, 6)


def header(results: Results, judged: Judgement) -> dict[str, Any]:
    """Return all of a document but its rows, as JSON values."""
    advice = recommend(results, judged)
    return {
        "schema": SCHEMA,
        "settings": to_json(results.settings),
        "host": to_json(results.host),
        "state": to_json(results.state),
        "started": results.started,
        "tool": results.tool,
        "verdict": judged.run.to_json(),
        "recommendation": advice.to_json() if advice else None,
        "budget": [check.to_json() for check in budgets.check_rows(results, judged)],
    }


def rows(results: Results, judged: Judgement) -> Iterator[dict[str, Any]]:
    """Yield the rows of a document, each with its verdict, as JSON values."""
    for row in results.rows:
        yield {**to_json(row), "verdict": judged.of(row).to_json()}


def text(results: Results) -> str:
    """Return the document's text."""
    return "".join(_pieces(results))


def write(results: Results, path: Path) -> None:
    """Write the document atomically."""
    write_pieces(path, _pieces(results))


def _pieces(results: Results) -> Iterator[str]:
    """Yield the document's text, a line for each turn: it is never in memory as a whole."""
    judged = verdict.judge(results)
    yield "{\n"
    for key, value in header(results, judged).items():
        yield f" {json.dumps(key)}: {_indented(value, 1)},\n"
    yield ' "rows": ['
    for i, row in enumerate(rows(results, judged)):
        turns = row.pop("turns")
        yield ",\n  {\n" if i else "\n  {\n"
        for key, value in row.items():
            yield f"   {json.dumps(key)}: {_indented(value, 3)},\n"
        yield '   "turns": ['
        for j, turn in enumerate(turns):
            yield f"{',' if j else ''}\n    {json.dumps(turn, allow_nan=False)}"
        yield "\n   ]\n  }"
    yield "\n ]\n}\n"


def _indented(value: Any, depth: int) -> str:
    lines = json.dumps(value, indent=1, allow_nan=False).splitlines()
    return ("\n" + " " * depth).join(lines)


def read(path: Path) -> Results:
    """Read a result document.

    Raises:
        BundleError: it is none, of another schema, or damaged; the message names the place.
    """
    what = f"{path} is not a results file of `edge-bench --json`"
    try:
        content = json_file.read(path)
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror}.") from error
    except ValueError as error:
        raise BundleError(f"{what}: {error}.") from error
    if not isinstance(content, dict) or "schema" not in content or "rows" not in content:
        raise BundleError(f"{what}.")
    if not json_file.has_schema(content, *READABLE):
        *most, last = map(str, READABLE)
        raise BundleError(
            f"{path} has schema {content['schema']!r:.40}; this edge-bench reads "
            f"{', '.join(most)} and {last}.",
            "Measure again.",
        )
    try:
        results = strict.build(Results, _upgrade(content))
        _check(results)
    except (ValueError, UsageError) as error:
        raise BundleError(f"{path} is damaged: {error}.", "Measure again.") from error
    return results


def _check(results: Results) -> None:
    """Refuse what is valid row by row, and that no run comes to."""
    counted = Counter(row.key for row in results.rows)
    if twice := [key for key, count in counted.items() if count > 1]:
        raise ValueError(f"two rows are of {', '.join(str(part) for part in twice[0] if part)}")
    counts, rounds = [len(row.turns) for row in results.rows], results.settings.rounds
    if max(counts, default=0) > rounds:
        raise ValueError(f"a row has {max(counts)} turns, of {rounds} rounds")
    # Each round gives every row that still takes part a turn, before the next one begins.
    going = [len(row.turns) for row in results.rows if row.status.goes_on]
    if max(going, default=0) - min(going, default=0) > 1:
        raise ValueError(
            f"rows that were measured side by side have {min(going)} to {max(going)} turns"
        )


def _upgrade(content: dict[str, Any]) -> dict[str, Any]:
    """Return a document of an older schema as one of this schema."""
    if content["schema"] == SCHEMA or not isinstance(content["rows"], list):
        return content
    rows = [
        {**row, "accuracy": row.get("accuracy") or None} if isinstance(row, dict) else row
        for row in content["rows"]
    ]
    return {**content, "rows": rows}
