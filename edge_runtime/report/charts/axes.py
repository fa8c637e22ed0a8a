"""Scales and their ticks, and figures with their units in words."""

import math
from collections.abc import Iterable
from typing import Any

_WIDE = 4.0
"""Where the largest value is more than so many times the smallest, a scale is logarithmic."""
_MARGIN = 0.04
"""Of the scale, that is left free at either end."""
_MOST_TICKS = 7


def of(
    field: str, title: str, values: Iterable[float], *, from_0: bool = False, **more: Any
) -> dict[str, Any]:
    """Return a quantitative channel: logarithmic where its values span much.

    Args:
        field: of the records.
        title: of the axis, with its unit.
        values: all that have to fit.
        from_0: whether the scale holds 0, as the length of a bar has to, and is linear.
        more: of the scale.
    """
    known = [value for value in values if value > 0 or from_0]
    low, high = min(known, default=1.0), max(known, default=1.0)
    axis: dict[str, Any] = {"title": title}
    scale: dict[str, Any]
    if from_0:
        room = _MARGIN * (high - min(0.0, low))
        scale = {"domain": [low - room if low < 0 else 0, high + room or 1], "nice": False}
    elif high / low > _WIDE:
        room = (high / low) ** _MARGIN
        scale = {"type": "log", "domain": [low / room, high * room], "nice": False}
        axis["values"] = ticks(low / room, high * room)
    else:
        room = max(_MARGIN * (high - low), 0.01 * high)  # no difference fills a chart by itself
        scale = {"domain": [low - room, high + room], "nice": False, "zero": False}
    return {
        "field": field,
        "type": "quantitative",
        "scale": {**scale, **more},
        "axis": {**axis, "tickCount": 5, "format": ",~r"},
    }


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers of a logarithmic scale: 1, 2, 5 of each decade, or fewer.

    Args:
        low: above 0, where the scale begins.
        high: where it ends.
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    shown: list[float] = []
    for steps in ((1, 2, 5), (1, 3), (1,)):
        shown = [n * 10.0**d for d in decades for n in steps if low <= n * 10.0**d <= high]
        if len(shown) <= _MOST_TICKS:
            return shown
    return shown[:: math.ceil(len(shown) / _MOST_TICKS)]


def place(channel: dict[str, Any], value: float, length: float) -> float:
    """Return where a value stands on an axis, in pixels from its beginning.

    Args:
        channel: what ``of`` returned.
        value: within its scale.
        length: of the axis, in pixels.
    """
    low, high = channel["scale"]["domain"]
    if channel["scale"].get("type") == "log":
        low, high, value = math.log(low), math.log(high), math.log(value)
    return float(length * (value - low) / (high - low))


def value_at(channel: dict[str, Any], at: float, length: float) -> float:
    """Return the value that stands at a place of an axis: ``place`` turned round."""
    low, high = channel["scale"]["domain"]
    share = at / length
    if channel["scale"].get("type") == "log":
        return float(low * (high / low) ** share)
    return float(low + share * (high - low))


def figure(value: float) -> str:
    """Return a number as text, with three figures of it."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(digits, 9)}f}"


def ms(duration_ns: float) -> str:
    """Return a duration as text in ms."""
    return f"{figure(duration_ns / 1e6)} ms"
