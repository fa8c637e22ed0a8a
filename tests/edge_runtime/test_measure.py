"""Timing, on a clock that the test moves."""

import gc
import math
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.measure import timing
from edge_runtime.measure.timing import Enough

MS = 1_000_000


class FakeClock:
    """A clock in ns; ``work`` moves it, and reading it costs ``read_ns``."""

    def __init__(self, call_ns: int, read_ns: int = 0) -> None:
        self.now, self.calls, self.call_ns, self.read_ns = 0, 0, call_ns, read_ns

    def __call__(self) -> int:
        self.now += self.read_ns
        return self.now

    def work(self) -> None:
        self.calls += 1
        self.now += self.call_ns


def work_of(durations: Iterator[int], clock: FakeClock) -> Callable[[], None]:
    def work() -> None:
        clock.call_ns = next(durations)
        clock.work()

    return work


@pytest.mark.parametrize(
    "call_ns, min_runs, min_time_s, expected",
    [
        (1 * MS, 100, 1.0, 1000),  # fast: time decides
        (50 * MS, 100, 1.0, 100),  # slow: runs decide
        (1 * MS, 5, 0.0, 5),
    ],
)
def test_both_minima_are_reached_and_no_more(call_ns, min_runs, min_time_s, expected):
    clock = FakeClock(call_ns)
    found = timing.samples(clock.work, Enough(min_runs, min_time_s), clock=clock)
    assert found == (call_ns,) * expected
    assert clock.calls == expected


def test_the_longest_time_ends_it_before_the_minima_but_not_before_one_sample():
    clock = FakeClock(400 * MS)
    assert len(timing.samples(clock.work, Enough(100, 1.0, 2.0), clock=clock)) == 5
    assert len(timing.samples(clock.work, Enough(100, 1.0, 0.0), clock=clock)) == 1


def test_a_loop_is_one_sample_of_several_calls():
    clock = FakeClock(1000)
    assert timing.samples(clock.work, Enough(3, 0), calls=7, clock=clock) == (7000,) * 3
    assert clock.calls == 21


@pytest.mark.parametrize("call_ns, expected", [(1 * MS, 200), (100 * MS, 10)])
def test_a_steady_call_is_warm_after_two_windows_of_time_and_calls(call_ns, expected):
    clock = FakeClock(call_ns)
    found = timing.warm_up(clock.work, clock)
    assert found.settled and found.durations_ns == (call_ns,) * expected
    assert found.call_ns == call_ns


def test_it_warms_up_until_two_windows_agree():
    clock = FakeClock(0)
    durations = iter([40 * MS] * 5 + [30 * MS] * 5 + [20 * MS] * 10)
    found = timing.warm_up(work_of(durations, clock), clock)
    assert found.settled and len(found.durations_ns) == 20 and found.call_ns == 20 * MS


def test_windows_that_differ_by_a_twentieth_agree_and_by_more_do_not():
    for second, windows in ((105 * MS, 2), (106 * MS, 3)):
        clock = FakeClock(0)
        durations = iter([100 * MS] * 5 + [second] * 10)
        found = timing.warm_up(work_of(durations, clock), clock)
        assert len(found.durations_ns) == 5 * windows


def test_a_call_that_never_settles_is_given_up_after_the_cap_and_said():
    clock = FakeClock(0)

    def ever_slower() -> Iterator[int]:
        value = 20.0 * MS
        while True:
            yield round(value)
            value *= 1.05

    found = timing.warm_up(work_of(ever_slower(), clock), clock)
    assert not found.settled
    assert 3 <= sum(found.durations_ns) / 1e9 < 10


def test_a_very_slow_call_still_has_two_windows():
    clock = FakeClock(2000 * MS)
    found = timing.warm_up(clock.work, clock)
    assert found.settled and len(found.durations_ns) == 2


def test_the_overhead_is_what_an_empty_call_takes_by_this_clock():
    clock = FakeClock(0, read_ns=70)
    assert timing.overhead_ns(lambda: None, clock) == 70


@given(st.floats(0.1, 1e9), st.floats(0, 1e6))
def test_a_sample_has_just_as_many_calls_as_keep_the_overhead_within_a_hundredth(call_ns, overhead):
    calls = timing.calls_per_sample(call_ns, overhead)
    call_ns = max(call_ns, 1)
    assert overhead <= timing.OVERHEAD_SHARE * calls * call_ns * (1 + 1e-9)
    assert calls == 1 or overhead > timing.OVERHEAD_SHARE * (calls - 1) * call_ns * (1 - 1e-9)


@given(st.integers(0, 1000), st.integers(0, 10**10), st.integers(1, 1000), st.floats(0, 10))
def test_enough_is_never_taken_back_as_more_samples_come(count, elapsed, min_runs, min_time):
    enough = Enough(min_runs, min_time, max_time_s=5)
    if enough.reached(count, elapsed):
        assert enough.reached(count + 1, elapsed) and enough.reached(count, elapsed + 1)
    assert Enough(min_runs, min_time).max_time_s == math.inf


def test_every_sample_is_kept_in_order_outliers_too():
    clock = FakeClock(1)
    work = work_of(iter([5, 900, 7, 6]), clock)
    assert timing.samples(work, Enough(4, 0), clock=clock) == (5, 900, 7, 6)


def test_garbage_is_not_collected_while_timing_and_is_again_afterwards():
    states = []
    timing.samples(lambda: states.append(gc.isenabled()), Enough(3, 0))
    assert states == [False] * 3
    assert gc.isenabled()


def test_garbage_is_collected_again_after_a_call_that_fails():
    with pytest.raises(ZeroDivisionError):
        timing.samples(lambda: 1 / 0, Enough(1, 0))
    assert gc.isenabled()


def test_one_call_is_timed_by_the_clock_around_it():
    clock = FakeClock(42)
    assert timing.time_call(clock.work, clock) == 42
