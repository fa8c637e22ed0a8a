"""Build dataclasses from JSON, refusing what does not fit and saying where it stands."""

import math
import types
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

_T = TypeVar("_T")
_NAMES = {
    dict: "an object",
    str: "a string",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
}


def build(kind: type[_T], value: Any, where: str = "") -> _T:
    """Return an instance of a dataclass; keys that it does not know are passed over.

    Args:
        kind: a dataclass whose fields are numbers, strings, dicts, tuples, enums, dataclasses,
            or one of these or None, or one of several plain kinds.
        value: JSON values.
        where: the place of ``value`` in its document, for messages.

    Raises:
        ValueError: a field is missing or of another type; the message names its place.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{where or 'the document'} is {_short(value)}, not an object")
    hints = get_type_hints(kind)
    found = {}
    for field in fields(kind):  # type: ignore[arg-type]
        place = f"{where}.{field.name}" if where else field.name
        if field.name in value:
            found[field.name] = _fit(hints[field.name], value[field.name], place)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{place} is missing")
    return kind(**found)


def _fit(kind: Any, value: Any, where: str) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        kinds = [argument for argument in arguments if argument is not type(None)]
        return _fit(next((k for k in kinds if type(value) is k), kinds[0]), value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{where} is {_short(value)}, not a list")
        return tuple(_fit(arguments[0], v, f"{where}[{i}]") for i, v in enumerate(value))
    if is_dataclass(kind):
        return build(kind, value, where)  # type: ignore[arg-type]
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(value)
        except ValueError:
            raise ValueError(f"{where} is {_short(value)}, unknown here") from None
    return _plain(origin or kind, value, where)


def _plain(kind: Any, value: Any, where: str) -> Any:
    allowed = {float: (int, float)}.get(kind, (kind,))
    # True is an int in Python, and no number in JSON; a number that no float holds is no time.
    fits = isinstance(value, allowed) and (isinstance(value, bool) == (kind is bool))
    if fits and kind in (int, float):
        fits = math.isfinite(value) if isinstance(value, float) else abs(value) < 2**63
    if not fits:
        raise ValueError(f"{where} is {_short(value)}, not {_NAMES.get(kind, 'of this kind')}")
    return value


def _short(value: Any) -> str:
    return f"{value!r:.40}"
