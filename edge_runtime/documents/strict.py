"""Build dataclasses from JSON values, refusing what does not fit and saying where it stands.

Bounds are part of a field's type: ``size_bytes: Count``, ``samples_ns: tuple[Positive, ...]``. What
no type can say (a count that is at most another) is the dataclass's own ``__post_init__``, which
raises ``ValueError``.
"""

import math
import types
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

_T = TypeVar("_T")
_NAMES = {
    dict: "an object",
    str: "a string",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
}


@dataclass(frozen=True)
class Bounds:
    """The smallest and the largest number that a field may hold."""

    least: float
    most: float = math.inf

    def __str__(self) -> str:
        return f"from {self.least:g}" + (f" to {self.most:g}" if self.most < math.inf else "")


Count = Annotated[int, Bounds(0)]
Positive = Annotated[int, Bounds(1)]
Share = Annotated[float, Bounds(0, 1)]
Magnitude = Annotated[float, Bounds(0)]


def build(kind: type[_T], value: Any, where: str = "") -> _T:
    """Return an instance of a dataclass; keys that it does not know are ignored.

    Args:
        kind: a dataclass whose fields are numbers (with ``Bounds``), strings, dicts, tuples, enums,
            dataclasses, or one of these or None, or one of several plain kinds.
        value: JSON values.
        where: the place of ``value`` in its document, for messages.

    Raises:
        ValueError: a field is missing, of another type or out of its bounds; the message names its
            place.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{where or 'the document'} is {_short(value)}, not an object")
    hints = _hints(kind)  # type: ignore[arg-type]  # a class is hashable
    values = {}
    for field in fields(kind):  # type: ignore[arg-type]
        place = f"{where}.{field.name}" if where else field.name
        if field.name in value:
            values[field.name] = _fit(hints[field.name], value[field.name], place)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{place} is missing")
    try:
        return kind(**values)
    except ValueError as error:
        raise ValueError(f"{where}: {error}" if where else str(error)) from None


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _fit(kind: Any, value: Any, where: str) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any or isinstance(kind, TypeVar):
        return value
    if origin is Annotated:
        return _fit_bounds(arguments, value, where)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        kinds = [argument for argument in arguments if argument is not type(None)]
        return _fit(next((k for k in kinds if type(value) is k), kinds[0]), value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{where} is {_short(value)}, not a list")
        return tuple(_fit(arguments[0], v, f"{where}[{i}]") for i, v in enumerate(value))
    if origin is dict:
        items = _plain(dict, value, where).items()
        return {key: _fit(arguments[1], item, f"{where}.{key}") for key, item in items}
    if is_dataclass(origin or kind):
        return build(origin or kind, value, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(value)
        except ValueError:
            raise ValueError(f"{where} is {_short(value)}, unknown here") from None
    return _plain(kind, value, where)


def _fit_bounds(arguments: tuple[Any, ...], value: Any, where: str) -> Any:
    kind, bounds = arguments[0], arguments[1]
    number = _plain(kind, value, where)
    if not bounds.least <= number <= bounds.most:
        raise ValueError(f"{where} is {_short(value)}, not {_NAMES[kind]} {bounds}")
    return number


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
