"""The interval that counts signed ranks: against printed tables, all signs, and its promise."""

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.results import signed_ranks, statistics

positive = st.floats(1e-3, 1e3)


@pytest.mark.parametrize(
    "pairs, printed",
    [(6, 0), (7, 2), (8, 3), (9, 5), (10, 8), (15, 25), (20, 52), (25, 89), (30, 137), (50, 434)],
)
def test_critical_values_are_those_of_the_tables(pairs, printed):
    """Two-sided 5 %: F. Wilcoxon and R. Wilcox 1964, Some Rapid Approximate Procedures, table 2."""
    assert signed_ranks.critical_value(pairs) == printed


@pytest.mark.parametrize("pairs", range(6, 12))
def test_critical_values_are_what_counting_all_signs_gives(pairs):
    sums = [
        sum(rank for rank, taken in enumerate(signs, 1) if taken)
        for signs in itertools.product((False, True), repeat=pairs)
    ]
    cut = signed_ranks.critical_value(pairs)
    assert sum(s <= cut for s in sums) <= 0.025 * len(sums) < sum(s <= cut + 1 for s in sums)


def test_the_normal_distribution_goes_on_where_counting_ends():
    found = [signed_ranks.critical_value(n) for n in range(45, 60)]
    steps = [after - before for before, after in itertools.pairwise(found)]
    assert all(17 <= step <= 23 for step in steps)


@given(st.lists(st.tuples(positive, positive), min_size=6, max_size=25), st.floats(0.01, 100))
def test_it_scales_and_turns_round(pairs, factor):
    above, below = zip(*pairs, strict=True)
    one = signed_ranks.paired_ratio(above, below)
    assert one.low <= one.value <= one.high
    scaled = signed_ranks.paired_ratio([a * factor for a in above], below)
    assert scaled.value == pytest.approx(one.value * factor)
    turned = signed_ranks.paired_ratio(below, above)
    assert [1 / turned.value, 1 / turned.high, 1 / turned.low] == pytest.approx(
        [one.value, one.low, one.high]
    )


def test_two_rounds_of_twenty_move_it_by_little_however_far_away():
    above = [1.10, 1.11, 1.09, 1.12, 1.08, 1.10, 1.11, 1.09, 1.10] * 2
    found = [signed_ranks.paired_ratio([*above, far, far], [1.0] * 20) for far in (2.0, 2000.0)]
    assert found[0] == found[1] and found[0].high < 1.13
    assert statistics.paired_ratio([*above, 2.0, 2.0], [1.0] * 20).high > 1.25


def noise(draw):
    """What a shared machine adds to a turn: little as a rule, much at times."""
    return draw.gauss(0, 0.02) + (draw.expovariate(5) if draw.random() < 0.25 else 0)


@pytest.mark.parametrize("rounds", [6, 10, 20])
def test_the_interval_holds_the_true_ratio_as_often_as_it_says(rounds):
    draw = random.Random(1)
    held = 0
    for _ in range(1000):
        below = [math.exp(noise(draw)) for _ in range(rounds)]
        above = [1.1 * math.exp(noise(draw)) for _ in range(rounds)]
        found = signed_ranks.paired_ratio(above, below)
        held += found.low <= 1.1 <= found.high
    assert held >= 940


def test_five_pairs_are_too_few():
    with pytest.raises(ValueError, match="at least 6 pairs"):
        signed_ranks.paired_ratio([1.0] * 5, [1.0] * 5)
