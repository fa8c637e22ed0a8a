"""Quantities with their units, typed (``1MB``, ``5ms``, ``p95=5ms,size=1MB``) and said."""

import re
from collections.abc import Mapping
from typing import Any

import click

from edge_runtime.errors import did_you_mean

_NUMBER = re.compile(r"\s*([0-9]{1,12}(?:\.[0-9]{1,9})?)\s*([a-zA-Zµ%]*)\s*")


class Quantity(click.ParamType):  # type: ignore[type-arg]  # generic in new releases only
    """A number above 0 with one of some units.

    Args:
        name: what help calls it.
        units: by their names in lower case: how many of what is returned one is.
        example: one, for messages.
    """

    def __init__(self, name: str, units: Mapping[str, float], example: str) -> None:
        self.name = name
        self._units = units
        self._example = example

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Return the number in the smallest unit's terms."""
        if isinstance(value, float):
            return value
        matched = _NUMBER.fullmatch(str(value))
        factor = self._units.get(matched[2].lower()) if matched else None
        if matched is None or factor is None or not float(matched[1]):
            named = ", ".join(unit for unit in self._units if unit)
            self.fail(
                f"{value!r} is not a number above 0 with a unit ({named}), as in {self._example}.",
                param,
                ctx,
            )
        return float(matched[1]) * factor


SIZE = Quantity("SIZE", {"b": 1, "kb": 2**10, "mb": 2**20, "gb": 2**30}, "1MB")
"""Bytes; a KB is 1,024 of them."""

MILLISECONDS = Quantity("TIME", {"us": 1e-3, "µs": 1e-3, "ms": 1, "s": 1e3}, "5ms")

MILLIJOULES = Quantity("ENERGY", {"uj": 1e-3, "µj": 1e-3, "mj": 1, "j": 1e3}, "3mJ")

PERCENT = Quantity("PERCENT", {"%": 1}, "85%")


class Limits(click.ParamType):  # type: ignore[type-arg]
    """Named quantities: ``p95=5ms,size=1MB``.

    Args:
        kinds: the quantity of each name.
        example: one, for messages and help.
    """

    def __init__(self, kinds: Mapping[str, Quantity], example: str) -> None:
        self.name = example
        self._kinds = kinds

    def convert(self, value: Any, param: Any, ctx: Any) -> dict[str, float]:
        """Return the numbers by their names."""
        if isinstance(value, dict):
            return value
        limits: dict[str, float] = {}
        for part in str(value).split(","):
            name, given, number = (word.strip() for word in part.partition("="))
            if name not in self._kinds:
                said = f"{name!r} has no limit here. {did_you_mean(name, self._kinds)}"
                self.fail(f"{said} Write {self.name}.", param, ctx)
            if not given or name in limits:
                self.fail(f"{name} needs one limit. Write {self.name}.", param, ctx)
            limits[name] = self._kinds[name].convert(number, param, ctx)
        return limits


def time_text(seconds: float) -> str:
    """Return a time in words: seconds up to two minutes, then minutes."""
    return f"{seconds:.3g} s" if seconds < 120 else f"{seconds / 60:.3g} min"
