"""Timing, on a clock that the test moves."""

import gc

import pytest

from edge_runtime import measure


class FakeClock:
    """A clock in ns; ``work`` moves it, and reading it costs nothing."""

    def __init__(self, call_ns: int) -> None:
        self.now, self.calls, self.call_ns = 0, 0, call_ns

    def __call__(self) -> int:
        return self.now

    def work(self) -> None:
        self.calls += 1
        self.now += self.call_ns


@pytest.mark.parametrize(
    "call_ns, min_runs, min_time_s, expected",
    [
        (1_000_000, 100, 1.0, 1000),  # fast: time decides
        (50_000_000, 100, 1.0, 100),  # slow: runs decide
        (1_000_000, 5, 0.0, 5),
    ],
)
def test_both_minima_are_reached_and_no_more(call_ns, min_runs, min_time_s, expected):
    clock = FakeClock(call_ns)
    found = measure.steady(clock.work, min_runs=min_runs, min_time_s=min_time_s, clock=clock)
    assert found.samples_ns == (call_ns,) * expected
    assert clock.calls == expected + len(found.warm_up_ns)


@pytest.mark.parametrize("call_ns, expected", [(1_000_000, 200), (100_000_000, 5)])
def test_it_warms_up_for_a_fifth_of_a_second_and_five_calls(call_ns, expected):
    clock = FakeClock(call_ns)
    found = measure.steady(clock.work, min_runs=1, min_time_s=0, clock=clock)
    assert len(found.warm_up_ns) == expected


def test_every_sample_is_kept_in_order_outliers_too():
    clock = FakeClock(1)
    durations = iter([10**9] * measure.WARM_UP_CALLS + [5, 900, 7, 6])

    def work() -> None:
        clock.call_ns = next(durations)
        clock.work()

    found = measure.steady(work, min_runs=4, min_time_s=0, clock=clock)
    assert found.samples_ns == (5, 900, 7, 6)


def test_garbage_is_not_collected_while_timing_and_is_again_afterwards():
    states = []
    clock = FakeClock(10**9)

    def work() -> None:
        states.append(gc.isenabled())
        clock.work()

    measure.steady(work, min_runs=3, min_time_s=0, clock=clock)
    assert states[-3:] == [False] * 3
    assert gc.isenabled()


def test_garbage_is_collected_again_after_a_call_that_fails():
    clock, calls = FakeClock(10**9), []

    def work() -> None:
        calls.append(1)
        clock.work()
        if len(calls) > measure.WARM_UP_CALLS:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        measure.steady(work, min_runs=1, min_time_s=0, clock=clock)
    assert gc.isenabled()


def test_one_call_is_timed_by_the_clock_around_it():
    clock = FakeClock(42)
    assert measure.timed(clock.work, clock) == 42
