"""Build dataclasses from JSON values, refusing what does not fit and saying where it stands.

Bounds are part of a field's type: ``size_bytes: Count``, ``samples_ns: tuple[Positive, ...]``. What
no type can say (a count that is at most another) is the dataclass's own ``__post_init__``, which
raises ``ValueError``.
"""

import math
import types
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum
from functools import cache, partial
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
    values = {}
    for name, fit, needed in _fields(kind):  # type: ignore[arg-type]  # a class is hashable
        place = f"{where}.{name}" if where else name
        if name in value:
            values[name] = fit(value[name], place)
        elif needed:
            raise ValueError(f"{place} is missing")
    try:
        return kind(**values)
    except ValueError as error:
        raise ValueError(f"{where}: {error}" if where else str(error)) from None


_Fit = Callable[[Any, str], Any]
"""Returns a value, found at a place, as a field's type has it."""


@cache
def _fields(kind: Any) -> list[tuple[str, _Fit, bool]]:
    """Return a dataclass's fields: name, what fits its values, and whether there is no default."""
    hints = get_type_hints(kind, include_extras=True)
    return [
        (
            field.name,
            _fitting(hints[field.name]),
            field.default is MISSING and field.default_factory is MISSING,
        )
        for field in fields(kind)
    ]


def _fitting(kind: Any) -> _Fit:
    """Return what fits values into a type, which is taken apart once: documents are long."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any or isinstance(kind, TypeVar):
        return lambda value, where: value
    if origin is Annotated:
        return partial(_fit_bounds, *arguments)
    if origin in (Union, types.UnionType):
        kinds = {one: _fitting(one) for one in arguments if one is not type(None)}
        return partial(_fit_union, kinds, type(None) in arguments)
    if origin is tuple:
        return partial(_fit_tuple, arguments[0], _fitting(arguments[0]))
    if origin is dict:
        return partial(_fit_dict, _fitting(arguments[1]))
    if is_dataclass(origin or kind):
        return partial(build, origin or kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return partial(_fit_enum, kind)
    return partial(_plain, kind)


def _fit_union(kinds: dict[Any, _Fit], none: bool, value: Any, where: str) -> Any:
    if value is None and none:
        return None
    fit = kinds.get(type(value)) or next(iter(kinds.values()))
    return fit(value, where)


def _fit_tuple(kind: Any, fit: _Fit, value: Any, where: str) -> Any:
    if not isinstance(value, list):
        raise ValueError(f"{where} is {_short(value)}, not a list")
    if _are_whole_numbers(kind, value):
        return tuple(value)
    return tuple(fit(v, f"{where}[{i}]") for i, v in enumerate(value))


def _fit_dict(fit: _Fit, value: Any, where: str) -> Any:
    items = _plain(dict, value, where).items()
    return {key: fit(item, f"{where}.{key}") for key, item in items}


def _fit_enum(kind: type[Enum], value: Any, where: str) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise ValueError(f"{where} is {_short(value)}, unknown here") from None


def _are_whole_numbers(kind: Any, values: list[Any]) -> bool:
    """Whether a list is of whole numbers within a type's bounds: samples, a hundred thousand.

    Where it is not, each is looked at by itself, and the first that does not fit is named.
    """
    if get_origin(kind) is not Annotated or set(map(type, values)) != {int}:
        return False
    number, bounds = get_args(kind)[:2]
    fits: bool = bounds.least <= min(values) and max(values) <= min(bounds.most, 2**63 - 1)
    return number is int and fits


def _fit_bounds(kind: Any, bounds: Bounds, value: Any, where: str) -> Any:
    number = _plain(kind, value, where)
    if not bounds.least <= number <= bounds.most:
        raise ValueError(f"{where} is {_short(value)}, not {_NAMES[kind]} {bounds}")
    return number


def _plain(kind: Any, value: Any, where: str) -> Any:
    allowed = (int, float) if kind is float else kind
    # True is an int in Python, and no number in JSON; a number that no float holds is no time.
    fits = isinstance(value, allowed) and (isinstance(value, bool) == (kind is bool))
    if fits and kind in (int, float):
        fits = math.isfinite(value) if isinstance(value, float) else abs(value) < 2**63
    if not fits:
        raise ValueError(f"{where} is {_short(value)}, not {_NAMES.get(kind, 'of this kind')}")
    return value


def _short(value: Any) -> str:
    return f"{value!r:.40}"
