"""Sizes and times as they are typed."""

import click
import pytest

from edge_runtime.command.quantities import (
    MILLIJOULES,
    MILLISECONDS,
    PERCENT,
    SIZE,
)


@pytest.mark.parametrize(
    ("kind", "text", "number"),
    [
        (SIZE, "1MB", 2**20),
        (SIZE, "98.5 kb", 98.5 * 1024),
        (SIZE, "98496B", 98496),
        (MILLISECONDS, "5ms", 5),
        (MILLISECONDS, "800us", 0.8),
        (MILLISECONDS, "0.1 s", 100),
        (PERCENT, "85%", 85),
        (MILLIJOULES, "3mJ", 3),
        (MILLIJOULES, "0.5 J", 500),
    ],
)
def test_a_unit_says_how_much(kind, text, number):
    assert kind.convert(text, None, None) == pytest.approx(number)


@pytest.mark.parametrize("text", ["5", "ms", "0ms", "-5ms", "5 m", "1e3ms", "nanms", "5msms"])
def test_what_is_no_quantity_is_refused_with_an_example(text):
    with pytest.raises(click.BadParameter, match="as in 5ms"):
        MILLISECONDS.convert(text, None, None)
