"""Kinds of values that ``edge-bench`` takes on its command line."""

import re
from typing import Any

import click


class Counts(click.ParamType):  # type: ignore[type-arg]  # generic in new releases only
    """Comma-separated whole numbers, each once: ``1,2,4``.

    Args:
        most: the largest of them; the smallest is 1.
    """

    name = "N,N,..."

    def __init__(self, most: int) -> None:
        self.most = most

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, ...]:
        """Return the numbers in the order given."""
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in str(value).split(",")]
        if not all(re.fullmatch(r"0*[1-9][0-9]{0,9}", part) for part in parts):
            self.fail(f"{value!r} is not a list of numbers from 1: give 4, or 1,2,4.", param, ctx)
        numbers = tuple(dict.fromkeys(map(int, parts)))
        if (largest := max(numbers)) > self.most:
            self.fail(f"{largest} is too large: give 1 to {self.most:,}.", param, ctx)
        return numbers


class Cpus(click.ParamType):  # type: ignore[type-arg]
    """CPU numbers and ranges of them, as Linux writes them: ``0,2-3``."""

    name = "LIST"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, ...]:
        """Return the numbers, sorted."""
        if isinstance(value, tuple):
            return value
        numbers: set[int] = set()
        for part in str(value).split(","):
            matched = re.fullmatch(r"\s*([0-9]{1,5})(?:-([0-9]{1,5}))?\s*", part)
            if not matched or (matched[2] and int(matched[2]) < int(matched[1])):
                self.fail(f"{value!r} is not a list of CPUs: give 2, or 0,2-3.", param, ctx)
            numbers |= set(range(int(matched[1]), int(matched[2] or matched[1]) + 1))
        return tuple(sorted(numbers))
