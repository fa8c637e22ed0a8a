"""Statistics: properties by Hypothesis, bounds and quantiles against scipy."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st

from edge_runtime.results import statistics

samples = st.lists(st.integers(1, 10**10), min_size=1, max_size=200)
percents = st.floats(0.1, 100)


@given(samples, percents)
def test_a_percentile_is_one_of_the_samples_and_has_enough_of_them_below(values, percent):
    found = statistics.percentile(values, percent)
    assert found in values
    assert sum(v <= found for v in values) >= percent / 100 * len(values) - 1e-6


@given(samples, percents, st.integers(1, 1000), st.integers(0, 10**9))
def test_a_percentile_scales_and_shifts_with_its_samples(values, percent, scale, shift):
    moved = [v * scale + shift for v in values]
    assert (
        statistics.percentile(moved, percent)
        == statistics.percentile(values, percent) * scale + shift
    )


@given(samples, percents, st.randoms())
def test_a_percentile_does_not_depend_on_the_order_of_the_samples(values, percent, draw):
    assert statistics.percentile(draw.sample(values, len(values)), percent) == (
        statistics.percentile(values, percent)
    )


@given(samples, percents)
def test_a_percentile_is_numpys_inverted_cdf(values, percent):
    expected = np.percentile(values, percent, method="inverted_cdf")
    found = statistics.percentile(values, percent)
    # numpy computes the rank in floating point, and may name the next one where ours is exact.
    ranks = sorted(values)
    assert found == expected or (
        abs(ranks.index(found) - ranks.index(expected)) <= ranks.count(found)
    )


@given(samples, percents, percents)
def test_percentiles_are_ordered(values, one, other):
    low, high = sorted((one, other))
    assert statistics.percentile(values, low) <= statistics.percentile(values, high)


def test_samples_needed_are_loadgens():
    assert statistics.samples_needed(90) == 64
    assert statistics.samples_needed(99) == 662


@given(st.floats(55, 99), st.floats(0.9, 0.999))
def test_samples_needed_is_the_smallest_count_the_binomial_bound_allows(percent, confidence):
    count = statistics.samples_needed(percent, confidence=confidence)
    tail = 1 - percent / 100
    assert scipy.stats.binom.cdf(1, count, tail) <= 1 - confidence + 1e-12
    assert scipy.stats.binom.cdf(1, count - 1, tail) > 1 - confidence - 1e-12


def test_a_percentile_without_enough_samples_is_not_shown():
    assert statistics.supported_percentile([1] * 63, 90) is None
    assert statistics.supported_percentile([1] * 64, 90) == 1
    assert statistics.supported_percentile([1] * 661, 99) is None
    assert statistics.supported_percentile([1] * 662, 99) == 1
    assert statistics.supported_percentile([7], 50) == 7


@given(st.integers(1, 5000), st.data())
def test_a_proportions_interval_is_wilsons(count, data):
    successes = data.draw(st.integers(0, count))
    found = statistics.proportion(successes, count)
    expected = scipy.stats.binomtest(successes, count).proportion_ci(method="wilson")
    assert found.value == successes / count
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize("successes, count", [(1, 0), (2, 1), (-1, 5)])
def test_what_is_no_proportion_is_refused(successes, count):
    with pytest.raises(ValueError, match="not a proportion"):
        statistics.proportion(successes, count)


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 3000))
def test_a_paired_difference_contains_its_value_and_turns_round(gained, lost, same):
    count = gained + lost + same
    assume(count)
    there, back = (
        statistics.paired_difference(*pair, count) for pair in ((gained, lost), (lost, gained))
    )
    assert there.low <= there.value <= there.high
    assert there.value == pytest.approx((gained - lost) / count)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


def test_a_paired_difference_covers_the_truth_as_often_as_it_says():
    draw = np.random.default_rng(0)
    gains, losses, count, trials = 0.02, 0.03, 1000, 4000
    drawn = draw.multinomial(count, [gains, losses, 1 - gains - losses], size=trials)
    intervals = [statistics.paired_difference(int(g), int(m), count) for g, m, _ in drawn]
    covered = sum(i.low <= gains - losses <= i.high for i in intervals) / trials
    assert 0.935 < covered < 0.97


@pytest.mark.parametrize("counts", [(-1, 0, 5), (3, 3, 5), (0, 0, 0)])
def test_what_is_no_paired_table_is_refused(counts):
    with pytest.raises(ValueError, match="paired table"):
        statistics.paired_difference(*counts)


positive = st.floats(1e-3, 1e3)


@given(st.lists(st.tuples(positive, positive), min_size=2, max_size=50), positive)
def test_a_paired_ratio_scales_and_inverts(pairs, factor):
    over, under = np.array(pairs).T
    found = statistics.paired_ratio(over, under)
    scaled = statistics.paired_ratio(over * factor, under)
    inverse = statistics.paired_ratio(under, over)
    assert found.low <= found.value <= found.high
    assert scaled.value == pytest.approx(found.value * factor)
    assert (1 / inverse.high, 1 / inverse.low) == pytest.approx((found.low, found.high))


@pytest.mark.parametrize("count", [2, 3, 4, 10, 60])
def test_a_paired_ratios_interval_is_students(count):
    draw = np.random.default_rng(count)
    over, under = draw.lognormal(size=(2, count))
    found = statistics.paired_ratio(over, under)
    low, high = scipy.stats.t.interval(
        0.95, count - 1, np.log(over / under).mean(), scipy.stats.sem(np.log(over / under))
    )
    assert (math.log(found.low), math.log(found.high)) == pytest.approx((low, high), rel=3e-3)


@pytest.mark.parametrize("count", [2, 3, 4, 10])
def test_a_means_interval_is_students(count):
    values = np.random.default_rng(count).normal(5, 2, count)
    found = statistics.mean(values)
    low, high = scipy.stats.t.interval(0.95, count - 1, values.mean(), scipy.stats.sem(values))
    assert found.value == pytest.approx(values.mean())
    assert (found.high - found.low) == pytest.approx(high - low, rel=3e-3)
    assert found.high + found.low == pytest.approx(2 * found.value)


@pytest.mark.parametrize("degrees", [1, 2, 3, 5, 10, 59, 1000])
def test_students_t(degrees):
    assert statistics.student_t95(degrees) == pytest.approx(
        scipy.stats.t.ppf(0.975, degrees), rel=2e-3
    )


def test_one_pair_has_no_interval():
    with pytest.raises(ValueError, match="at least 2"):
        statistics.paired_ratio([1], [2])


@pytest.mark.parametrize("counts", [(2, 2), (3, 9), (10, 10), (40, 7)])
def test_an_unpaired_ratios_interval_is_welchs(counts):
    draw = np.random.default_rng(sum(counts))
    over, under = draw.lognormal(0.3, 0.4, counts[0]), draw.lognormal(0, 0.1, counts[1])
    found = statistics.unpaired_ratio(list(over), list(under))
    test = scipy.stats.ttest_ind(np.log(over), np.log(under), equal_var=False)
    exact = test.confidence_interval(0.95)
    assert math.log(found.value) == pytest.approx(np.log(over).mean() - np.log(under).mean())
    # Whole degrees of freedom, rounded down: never narrower, and hardly wider.
    assert math.log(found.low) <= exact.low + 1e-3 and exact.high - 1e-3 <= math.log(found.high)
    whole = scipy.stats.t.ppf(0.975, math.floor(test.df)) / scipy.stats.t.ppf(0.975, test.df)
    width = (math.log(found.high) - math.log(found.low)) / (exact.high - exact.low)
    assert width == pytest.approx(whole, rel=3e-3)


series = st.lists(positive, min_size=2, max_size=30)


@given(series, series, positive)
def test_an_unpaired_ratio_scales_and_inverts(over, under, factor):
    found = statistics.unpaired_ratio(over, under)
    scaled = statistics.unpaired_ratio([v * factor for v in over], under)
    inverse = statistics.unpaired_ratio(under, over)
    assert found.low <= found.value <= found.high
    assert scaled.value == pytest.approx(found.value * factor)
    # Scaling may tip the degrees of freedom over a whole number: compare the value, not the width.
    assert (1 / inverse.high, 1 / inverse.low) == pytest.approx((found.low, found.high), rel=1e-6)


def test_two_runs_without_any_spread_have_a_ratio_without_any():
    assert statistics.unpaired_ratio([4, 4], [2, 2, 2]) == statistics.Estimate(
        pytest.approx(2), pytest.approx(2), pytest.approx(2)
    )


def test_outliers_are_named_beyond_ten_deviations_and_not_below():
    calm = [100, 101, 99, 102, 98, 100, 101, 99]  # median 100, absolute deviation 1
    assert statistics.outliers(calm) == []
    assert statistics.outliers([*calm, 114]) == []
    assert statistics.outliers([*calm, 120, 80]) == [8, 9]


def test_where_most_samples_are_equal_no_outlier_is_named():
    assert statistics.outliers([5, 5, 5, 5, 900]) == []


@given(samples, st.integers(1, 1000), st.integers(0, 10**9), st.randoms())
def test_outliers_follow_scale_shift_and_order(values, scale, shift, draw):
    found = statistics.outliers(values)
    assert statistics.outliers([v * scale + shift for v in values]) == found
    order = draw.sample(range(len(values)), len(values))
    assert sorted(order[i] for i in statistics.outliers([values[i] for i in order])) == found


@given(st.lists(st.tuples(positive, positive), min_size=2, max_size=50), st.randoms())
def test_a_paired_ratio_does_not_depend_on_the_order_of_the_pairs(pairs, draw):
    found = statistics.paired_ratio(*zip(*pairs, strict=True))
    draw.shuffle(pairs)
    again = statistics.paired_ratio(*zip(*pairs, strict=True))
    assert (again.value, again.low, again.high) == pytest.approx(
        (found.value, found.low, found.high)
    )


def test_an_estimate_scales_with_its_interval():
    assert statistics.Estimate(1, 0.5, 2).scaled(100) == statistics.Estimate(100, 50, 200)


def test_an_estimate_is_written_with_its_interval_and_a_ratio_says_where_it_tells_nothing():
    assert str(statistics.Estimate(1.234, 1.1, 1.35)) == "1.23 [1.10, 1.35]"
    assert statistics.Estimate(1.234, 1.1, 1.35).as_ratio() == "1.23 [1.10, 1.35]"
    assert (
        statistics.Estimate(1.01, 0.98, 1.04).as_ratio() == "1.01 [0.98, 1.04], no difference shown"
    )
    assert statistics.Estimate(0.9, 0.8, 1.0).as_ratio().endswith("no difference shown")
