"""Read JSON that somebody else may have written: bounded, UTF-8, and without two meanings."""

import json
from pathlib import Path
from typing import Any, NoReturn

from edge_runtime.files import read_regular

MOST_BYTES = 64 * 2**20
"""A document of a few kilobytes is usual; results with many long rows take tens of megabytes."""


def has_schema(content: dict[str, Any], *known: int) -> bool:
    """Say whether a document's schema is one of those known: a whole number, no 4.0 and no true."""
    schema = content.get("schema")
    return type(schema) is int and schema in known


def read(path: Path, most_bytes: int = MOST_BYTES) -> Any:
    """Return the JSON value that a file holds.

    Raises:
        OSError: it cannot be read, is no regular file, or is larger than ``most_bytes``.
        ValueError: it is not one JSON value in UTF-8, names a key twice, holds NaN or an infinite
            number, or is nested too deeply.
    """
    return parse(read_regular(path, most_bytes))


def parse(content: bytes) -> Any:
    """Return the JSON value that a text holds; see ``read``.

    Raises:
        ValueError: as ``read`` says.
    """
    try:
        return json.loads(
            content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse
        )
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is not UTF-8") from error
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r:.60} is given twice")
    return found


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
