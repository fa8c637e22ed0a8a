"""From values to ranges: arithmetic, held to what it has to keep."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifarq_export import options
from cifarq_export.int8 import thresholds

VALUES = st.lists(
    st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=40), min_size=1, max_size=5
)


def batches(parts):
    return lambda: [{"x": np.asarray(part, np.float32)} for part in parts]


def limits(method, parts):
    return thresholds.METHODS[method](batches(parts))["x"]


@given(VALUES)
def test_minmax_is_the_smallest_and_the_largest(parts):
    flat = [value for part in parts for value in part]
    assert limits("minmax", parts) == (np.float32(min(flat)), np.float32(max(flat)))


@pytest.mark.parametrize("method", thresholds.METHODS)
@given(VALUES)
def test_no_method_reaches_beyond_what_was_seen(method, parts):
    low, high = limits(method, parts)
    widest = limits("minmax", parts)
    slack = 1e-5 * max(map(abs, widest))
    assert widest[0] - slack <= low <= high <= widest[1] + slack


@given(st.lists(st.integers(0, 100), min_size=8, max_size=64), st.floats(-9, 0), st.floats(0.1, 9))
def test_least_error_is_no_more_than_that_of_the_whole_range(counts, low, high):
    """Values are really rounded to 8 bits and clipped, from everywhere within a step."""
    counts[0] += 1
    middles = low + (np.arange(len(counts)) + 0.5) * (high - low) / len(counts)

    def error(bottom, top):
        step = (top - bottom) / 255
        values = np.repeat(middles, counts)[:, None] + np.linspace(-step / 2, step / 2, 33)
        rounded = np.clip(np.round((values - bottom) / step), 0, 255) * step + bottom
        return ((values - rounded) ** 2).sum()

    chosen = thresholds.least_error(np.asarray(counts), low, high)
    assert low <= chosen[0] <= chosen[1] <= high
    assert error(*chosen) <= 1.2 * error(low, high)


def test_least_error_clips_one_value_among_many():
    counts = np.zeros(2048, np.int64)
    counts[:200], counts[-1] = 10_000, 1  # evenly spread up to a tenth of the range
    assert thresholds.least_error(counts, 0.0, 10.0) == (0.0, pytest.approx(3.0))


@pytest.mark.parametrize("method", ["percentile", "entropy"])
def test_an_outlier_among_many_is_clipped(method):
    values = np.random.default_rng(0).normal(size=400_000)
    low, high = limits(method, [[*values, 500.0]])
    assert high < 50
    assert low < -3


def test_percentile_leaves_out_a_hundred_thousandth():
    values = np.random.default_rng(1).uniform(0, 1, 1_000_000)
    low, high = limits("percentile", [values])
    outside = ((values < low) | (values > high)).mean()
    assert outside <= 1e-5
    assert (low, high) == pytest.approx((0, 1), abs=2e-3)


def test_entropy_keeps_all_of_what_fits_into_its_levels():
    # Evenly spread values lose by any clipping.
    assert limits("entropy", [np.linspace(0, 8, 50_000)])[1] > 7.5


def test_a_value_that_is_no_number_comes_through():
    for method in thresholds.METHODS:
        assert not np.isfinite(limits(method, [[1.0, np.nan], [2.0]])).all()
        assert not np.isfinite(limits(method, [[1.0], [np.inf]])).all()


def test_a_tensor_that_is_a_point_stays_one():
    for method in thresholds.METHODS:
        assert limits(method, [[0.0, 0.0]]) == (0, 0)


def test_the_command_offers_every_method():
    assert set(options.METHODS) == set(thresholds.METHODS) == set(thresholds.PASSES)
