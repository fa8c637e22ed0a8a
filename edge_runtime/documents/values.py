"""Turn dataclasses into JSON values: the one way in which documents are written."""

import math
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any


def to_json(value: Any) -> Any:
    """Return a value as JSON values: what ``strict.build`` makes the same value of again.

    Dataclasses become objects, in the order of their fields; tuples become lists, enums their
    values. JSON has no infinite numbers and none that is not a number: both become null.
    """
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
