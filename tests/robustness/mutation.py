"""Spoils what a file holds, knowing its structure: JSON, bytes, arrays, and protobuf messages.

A flipped bit seldom gets past the first check of a format. What gets further is a value of another
kind in its right place, two values swapped, a key given twice.
"""

import copy
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

NUMBERS = (0, -1, 1, 2, 3, 255, 2**31 - 1, 2**31, 10**18, 2**63 - 1, 2**63, -(2**63), 10**400)
FLOATS = (0.5, -0.5, 1e-320, 1e-7, 1e30, 1e308, -1e308, math.nan, math.inf, -math.inf)
TEXTS = ("", "x", "N", "1", "NaN", "../x", "a\nb", "\x1b[31m", "\u202e", "\0", "x" * 5_000)
DEEP: Any = [[[[[[[[[[[]]]]]]]]]]]
ODD = (None, True, False, *NUMBERS, *FLOATS, *TEXTS, [], {}, [None], {"": None}, DEEP)

_TWICE = "@twice"
_EDITS = ("replace", "replace", "scale", "delete", "repeat", "swap", "copy")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to every value inside JSON values."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in inside:
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from places(item, (*path, key))


@st.composite
def json_texts(draw: st.DrawFn, content: Any) -> bytes:
    """Draw the text of JSON values after one edit to three, some of the text's own bytes."""
    value = copy.deepcopy(content)
    for _ in range(draw(st.integers(1, 3))):
        known = list(places(value))
        if known:
            _edit(draw, value, known)
    text = json.dumps(value).replace(_TWICE, "").encode()
    return draw(spoilt_bytes(text)) if draw(st.integers(0, 9)) == 0 else text


def _edit(draw: st.DrawFn, value: Any, known: list[tuple[Any, ...]]) -> None:
    path = draw(st.sampled_from(known))
    outer, key = _owner(value, path), path[-1]
    match draw(st.sampled_from(_EDITS)):
        case "replace":
            outer[key] = copy.deepcopy(draw(st.sampled_from(ODD)))
        case "scale" if type(outer[key]) in (int, float):
            outer[key] = outer[key] * draw(st.sampled_from((-1, 2, 1000, 10**6)))
        case "delete":
            del outer[key]
        case "repeat" if isinstance(outer, dict):
            outer[f"{key}{_TWICE}"] = copy.deepcopy(outer[key])
        case "repeat":
            outer.insert(key, copy.deepcopy(outer[key]))
        case "swap":
            other = draw(st.sampled_from(known))
            theirs = _owner(value, other)
            outer[key], theirs[other[-1]] = (
                copy.deepcopy(theirs[other[-1]]),
                copy.deepcopy(outer[key]),
            )
        case _:
            other = draw(st.sampled_from(known))
            outer[key] = copy.deepcopy(_owner(value, other)[other[-1]])


def _owner(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        value = value[key]
    return value


@st.composite
def spoilt_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """Draw bytes that are cut off, changed in one place, or grown."""
    place = draw(st.integers(0, max(len(content) - 1, 0)))
    match draw(st.sampled_from(("cut", "flip", "flip", "insert", "end"))):
        case "cut":
            return content[:place]
        case "flip":
            bit = bytes([content[place] ^ 1 << draw(st.integers(0, 7))]) if content else b""
            return content[:place] + bit + content[place + 1 :]
        case "insert":
            return content[:place] + draw(st.binary(max_size=8)) + content[place:]
        case _:
            return content + draw(st.binary(max_size=8))


TYPES = ("u1", "i8", "f2", "f4", "f8", "?", "c8", ">f4", "U3", "V4", "M8[s]")


@st.composite
def arrays(draw: st.DrawFn, array: Any) -> Any:
    """Draw an array like one, with another type, shape, order of axes, or odd values."""
    match draw(st.sampled_from(("type", "shape", "value", "cut", "empty", "axes"))):
        case "type":
            with np.errstate(all="ignore"):
                return array.astype(draw(st.sampled_from(TYPES)), casting="unsafe")
        case "shape":
            shapes = [(-1,), (1, *array.shape), (*array.shape, 1), (array.shape[0], -1)]
            return array.reshape(draw(st.sampled_from(shapes)))
        case "value":
            changed, place = array.copy(), draw(st.integers(0, array.size - 1))
            if changed.dtype.kind in "iu":
                info = np.iinfo(changed.dtype)
                changed.flat[place] = draw(st.sampled_from((info.min, 0, 1, 12, info.max)))
            else:
                changed.flat[place] = draw(st.sampled_from((1e30, math.nan, math.inf, -math.inf)))
            return changed
        case "cut":
            return array[: draw(st.integers(0, len(array)))]
        case "empty":
            return array[..., :0]
        case _:
            return np.asfortranarray(array).T if draw(st.booleans()) else np.asfortranarray(array)


_INTEGERS = (0, -1, 1, 2, 3, 7, 99, 2**31 - 1, 2**31, 2**40, 2**62, 2**63 - 1, -(2**63))
"""None between 10 and 2^31: sizes that fit in memory and take hours to compute are no fault."""


@st.composite
def messages(draw: st.DrawFn, message: Any) -> bytes:
    """Draw the bytes of a protobuf message after one edit to three of its fields, at any depth."""
    changed = type(message)()
    changed.CopyFrom(message)
    for _ in range(draw(st.integers(1, 3))):
        owner, field = draw(st.sampled_from(list(_fields(changed))))
        _edit_field(draw, owner, field)
    content: bytes = changed.SerializeToString()
    return draw(spoilt_bytes(content)) if draw(st.integers(0, 4)) == 0 else content


def _fields(message: Any) -> Iterator[tuple[Any, Any]]:
    for field, value in message.ListFields():
        yield message, field
        if field.type == field.TYPE_MESSAGE:
            for inner in value if field.is_repeated else (value,):
                yield from _fields(inner)


def _edit_field(draw: st.DrawFn, owner: Any, field: Any) -> None:
    value = getattr(owner, field.name)
    match draw(st.sampled_from(("change", "change", "delete", "repeat", "swap"))):
        case "change" if field.type != field.TYPE_MESSAGE:
            if not field.is_repeated:
                setattr(owner, field.name, _scalar(draw, field, value))
            elif len(value):
                place = draw(st.integers(0, len(value) - 1))
                value[place] = _scalar(draw, field, value[place])
        case "repeat" if field.is_repeated and len(value):
            one = value[draw(st.integers(0, len(value) - 1))]
            value.extend([one])
        case "swap" if field.is_repeated and len(value) > 1:
            first, second = (copy.deepcopy(value[i]) for i in (0, -1))
            kept = [second, *map(copy.deepcopy, value[1:-1]), first]
            del value[:]
            value.extend(kept)
        case "delete" if field.is_repeated and len(value):
            del value[draw(st.integers(0, len(value) - 1))]
        case "delete":
            owner.ClearField(field.name)
        case _:
            pass


def _scalar(draw: st.DrawFn, field: Any, value: Any) -> Any:
    if field.type == field.TYPE_BYTES:
        return draw(spoilt_bytes(value))
    if field.type == field.TYPE_STRING:
        return draw(st.sampled_from(TEXTS))
    if field.cpp_type in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
        return draw(st.sampled_from([f for f in FLOATS if not 1e39 < abs(f) < math.inf]))
    if field.type == field.TYPE_ENUM:
        return draw(st.sampled_from([v.number for v in field.enum_type.values]))
    number = draw(st.sampled_from(_INTEGERS))
    is_narrow = field.cpp_type in (field.CPPTYPE_INT32, field.CPPTYPE_UINT32)
    return max(min(number, 2**31 - 1), -(2**31)) if is_narrow else number
