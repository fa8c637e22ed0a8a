"""A sustained load, on a clock that the test moves, and what its bins come to."""

import gc
import itertools
import math
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.documents import strict
from edge_runtime.documents.values import to_json
from edge_runtime.measure import sustained as load
from edge_runtime.measure.pacing import Calls, LoadClock
from edge_runtime.measure.sustained import Load, edges_ns
from edge_runtime.probes.state import State
from edge_runtime.results import sustained
from edge_runtime.results.statistics import samples_needed
from edge_runtime.results.sustained import Bin, Stretch, Sustained

MS = 1_000_000
SECOND = 1_000_000_000


class Time:
    """A clock in ns that calls, sleeping and reading the machine move."""

    def __init__(self, durations_ns, reading_ns=0):
        self.now, self.durations, self.reading_ns = 12_345, iter(durations_ns), reading_ns
        self.begun = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += round(seconds * 1e9)

    def call(self):
        self.begun.append(self.now)
        self.now += next(self.durations)

    def open(self):
        self.now += self.reading_ns
        return State(monotonic_ns=0, queue_wait_ns=0, quota_throttle_events=7)

    def close(self):
        self.now += self.reading_ns
        return State(monotonic_ns=10, queue_wait_ns=5, quota_throttle_events=7)


def run(time, seconds, fps=0.0, call_ns=MS, **options):
    how = {"clock": time, "sleep": time.sleep, "probes": time, "call_ns": call_ns}
    return load.measure(time.call, Load(seconds, fps), **how, **options)


@pytest.mark.parametrize("reading_ns", [0, 40 * MS])
def test_without_a_pace_a_call_follows_the_other_and_readings_are_left_out(reading_ns):
    time = Time(itertools.repeat(10 * MS), reading_ns)
    found = run(time, 5)
    assert found.fps is None and found.unserved == 0
    assert [(b.start_s, b.duration_s, b.calls) for b in found.bins] == [
        (float(i), 1.0, 100) for i in range(5)
    ]
    assert all(b.p50_ns == 10 * MS and b.missed == 0 for b in found.bins)
    assert {b.p95_ns for b in found.bins} == {None}  # of 100 calls


def test_a_bin_has_a_95th_percentile_of_its_calls_where_there_are_enough():
    durations = itertools.cycle([1 * MS] * 90 + [5 * MS] * 10)
    first = run(Time(durations), 10).bins[0]
    assert first.calls >= samples_needed(95) and (first.p50_ns, first.p95_ns) == (MS, 5 * MS)


def test_a_call_that_takes_longer_than_a_bin_leaves_bins_out_and_no_time():
    found = run(Time(itertools.repeat(2500 * MS)), 10)
    assert sum(b.calls for b in found.bins) == 4
    assert sum(b.duration_s for b in found.bins) == 10


@given(st.floats(3, 1e5), st.floats(1, 1e10))
def test_bins_are_at_most_100_of_at_least_a_second_and_end_with_the_load(seconds, call_ns):
    edges = edges_ns(seconds, call_ns)
    assert len(edges) <= 100 and edges[-1] == pytest.approx(seconds * 1e9)
    assert edges[0] >= SECOND * (1 - 1e-6)
    if len(edges) > 10:
        assert edges[0] >= min(samples_needed(95) * call_ns, seconds * 1e8) * (1 - 1e-6)


def test_garbage_is_collected_between_bins_alone_and_again_after_a_call_that_fails():
    states = []

    def call():
        states.append(gc.isenabled())
        if len(states) == 2:
            raise OSError("it fails")

    with pytest.raises(OSError):
        load.measure(call, Load(3), call_ns=MS, probes=Time([]))
    assert states == [False, False] and gc.isenabled()


def test_paced_calls_begin_when_they_are_due_and_count_from_there():
    time = Time(itertools.repeat(12 * MS), reading_ns=0)
    found = run(time, 3, fps=25)
    assert [begun - 12_345 for begun in time.begun] == [k * 40 * MS for k in range(75)]
    assert [b.calls for b in found.bins] == [25, 25, 25]
    assert all(b.p50_ns == 12 * MS and b.missed == 0 for b in found.bins)
    assert found.fps == 25 and found.unserved == 0
    assert [b.duration_s for b in found.bins] == [1, 1, 1]


def test_reading_the_machine_makes_no_call_late():
    found = run(Time(itertools.repeat(12 * MS), reading_ns=300 * MS), 3, fps=25)
    assert [(b.calls, b.missed, b.p50_ns) for b in found.bins] == [(25, 0, 12 * MS)] * 3


def test_frames_are_images_of_a_batch():
    time = Time(itertools.repeat(12 * MS))
    found = run(time, 4, fps=100, batch_size=50)
    assert [begun - 12_345 for begun in time.begun] == [k * 500 * MS for k in range(8)]
    assert sum(b.calls for b in found.bins) == 8


def test_a_slow_call_makes_those_behind_it_late_and_none_is_left_out():
    # One call of 100 ms at 10 ms a period: the next 12 begin behind it, and count from their due.
    durations = [2 * MS] * 10 + [100 * MS] + [2 * MS] * 1000
    found = run(Time(durations), 3, fps=100)
    first = found.bins[0]
    assert sum(b.calls for b in found.bins) == 300
    # 100, 92, 84, ... ms: late while above one period.
    assert first.missed == len([ms for ms in range(100, 0, -8) if ms > 10])


def test_what_was_due_and_never_begun_is_late():
    found = run(Time(itertools.repeat(40 * MS)), 4, fps=50)
    assert sum(b.calls for b in found.bins) == 100 and found.unserved == 100
    held = sustained.hold(found)
    assert not held.holds and (held.late, held.due) == (200, 200) and held.before is None


@given(
    st.lists(st.integers(1, 60 * MS), min_size=1, max_size=40),
    st.floats(5, 200),
    st.integers(0, 20 * MS),
)
def test_late_calls_are_those_of_a_queue_served_in_order(durations, fps, reading_ns):
    time = Time(itertools.cycle(durations))
    clock = LoadClock(time, time.sleep)
    calls = Calls(time.call, clock, 1e9 / fps)
    latencies = []
    for edge in (SECOND, 2 * SECOND, 3 * SECOND):
        with clock.stopped():
            time.now += reading_ns
        latencies += calls.until(edge)
    period, now, late, begun = 1e9 / fps, 0, 0, 0
    for duration in itertools.cycle(durations):
        due = round(begun * period)
        if max(now, due) >= 3 * SECOND:
            break
        now = max(now, due) + duration
        late += now - due > period
        begun += 1
    assert len(latencies) == begun and calls.late(latencies) == late
    assert calls.unserved(3 * SECOND) == max(0, math.ceil(3 * SECOND / period) - begun)


def test_a_meter_measures_each_bin_and_reading_it_is_in_no_bins_time():
    time = Time(itertools.repeat(10 * MS))

    @contextmanager
    def meter():
        time.now += 30 * MS
        began, found = time.now, SimpleNamespace(joules=None, duration_ns=0)
        yield found
        found.duration_ns = time.now - began
        found.joules = 4.0 * found.duration_ns / 1e9
        time.now += 30 * MS

    # What is measured in the block is known after it.
    found = run(time, 3, meter=meter)
    assert [b.watts for b in found.bins] == [4.0] * 3
    assert [b.duration_s for b in found.bins] == [1.0] * 3


def test_a_bin_tells_what_the_probes_saw_in_it():
    (first, *_) = run(Time(itertools.repeat(10 * MS)), 3).bins
    assert first.wait_share == 0.5 and first.quota_throttle_events == 0
    assert first.throttled is False and first.steal_share is None and first.watts is None


def test_this_machine_is_read_for_each_bin():
    found = load.measure(lambda: sum(range(10_000)), Load(2), call_ns=1e5)
    assert len(found.bins) == 2 and all(b.fixed_work_ns > 0 for b in found.bins)
    assert strict.build(Sustained, to_json(found)) == found


# What bins come to.


def bins(rates, seconds=18.0, **each):
    """Bins of these throughputs."""
    return tuple(
        Bin(i * seconds, seconds, round(rate * seconds), 1e9 / rate, **each)
        for i, rate in enumerate(rates)
    )


NOISE = st.randoms(use_true_random=False).map(
    lambda draw: [draw.uniform(0.985, 1.015) for _ in range(100)]
)


@given(NOISE, st.integers(10, 100))
def test_a_steady_load_does_not_fall(noise, count):
    found = sustained.course(bins([1000 * n for n in noise[:count]]))
    assert found.steady and found.fell_s is None and abs(found.lost_share) < 0.04


@given(NOISE, st.integers(3, 75), st.floats(0.2, 0.85))
def test_a_step_is_found_where_it_is_and_as_deep_as_it_is(noise, at, depth):
    rates = [1000 * n * (depth if i >= at else 1) for i, n in enumerate(noise)]
    found = sustained.course(bins(rates))
    assert found.steady and abs(found.fell_s / 18 - at) <= 1
    assert abs(found.end.start_s / 18 - at) <= 1
    assert found.lost_share == pytest.approx(1 - depth, abs=0.04)


@given(st.floats(0.3, 0.6), st.floats(1e-3, 1e3))
def test_what_falls_to_the_end_has_no_plateau_whatever_its_unit(last, unit):
    rates = [1e4 * unit * last ** (i / 99) for i in range(100)]
    found = sustained.course(bins(rates, 1e4 / unit))
    assert not found.steady and found.fell_s is not None
    assert len(found.end.bins) == 20


@given(st.integers(1, 98), st.floats(0.1, 5))
def test_one_bin_that_stands_out_decides_nothing(at, factor):
    rates = [1000.0] * 100
    rates[at] *= factor
    found = sustained.course(bins(rates))
    assert found.steady and found.fell_s is None


def test_a_fall_that_takes_time_has_a_beginning_and_a_plateau_after_it():
    rates = [1000.0] * 20 + [1000 - 20 * i for i in range(1, 21)] + [600.0] * 60
    found = sustained.course(bins(rates))
    # A quarter of the 40 % is lost with the fifth step; within 5 % of 600 from the 18th on.
    assert found.fell_s / 18 == pytest.approx(25, abs=1)
    assert found.end.start_s / 18 == pytest.approx(38, abs=1)
    assert found.lost_share == pytest.approx(0.4, abs=0.01)


def test_a_load_that_swings_has_the_mean_of_its_plateau():
    rates = [1000.0] * 10 + [600.0, 600.0, 800.0, 800.0] * 20
    found = sustained.course(bins(rates))
    assert found.steady and found.lost_share == pytest.approx(0.3, abs=0.02)


def test_too_few_bins_or_bins_without_calls_have_no_course():
    assert sustained.course(bins([1000.0] * 9)) is None
    assert sustained.course((*bins([1000.0] * 10), Bin(180, 18, 0))) is None


def paced(late, calls=100, fps=10.0, **changes):
    made = tuple(Bin(10.0 * i, 10.0, calls, 1e6, None, n) for i, n in enumerate(late))
    return Sustained(fps, made, **changes)


@pytest.mark.parametrize(
    "late, unserved, since, count, due",
    [
        ([0] * 10, 0, None, 0, 1000),
        ([10] + [0] * 9, 0, None, 10, 1000),  # one in a hundred
        ([11] + [0] * 9, 0, 0, 11, 1000),
        ([0] * 6 + [50, 100, 100, 100], 30, 6, 380, 430),
        # What is late in the first bin is made good by the next ones, and is no beginning.
        ([3] + [0] * 5 + [90] * 4, 0, 6, 360, 400),
        ([100] * 10, 5, 0, 1005, 1005),
        # The hundredth of the bins before is used up after two: they belong to what follows.
        ([0] * 20 + [10] * 10, 0, 20, 100, 1000),
        ([0] * 9 + [2], 20, 9, 22, 120),
    ],
)
def test_a_rate_is_held_up_to_a_hundredth_and_else_lost_at_a_moment(
    late, unserved, since, count, due
):
    held = sustained.hold(paced(late, unserved=unserved))
    assert held.holds is (since is None) and (held.late, held.due) == (count, due)
    assert (held.failing and held.failing.start_s / 10) == since
    assert (held.before is None) is (since == 0)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=60), st.integers(0, 500))
def test_what_was_late_is_counted_once_wherever_it_was(late, unserved):
    load_ = paced(late, unserved=unserved)
    held, all_late = sustained.hold(load_), sum(late) + unserved
    due = 100 * len(late) + unserved
    assert held.holds is (100 * all_late <= due)
    if held.failing:
        before = held.before.missed if held.before else 0
        assert before + held.late == all_late
        assert (held.before.calls if held.before else 0) + held.due == due
        assert before <= 0.01 * (held.before.calls if held.before else 0)


def test_without_a_rate_or_bins_nothing_is_held():
    assert sustained.hold(replace(paced([0]), fps=None)) is None
    assert sustained.hold(Sustained(30, reason="crashed")) is None


@given(st.integers(1, 100), st.integers(1, 12))
def test_condensed_bins_are_all_bins_in_order(count, most):
    made = bins([100.0] * count)
    lines = sustained.condense(made, most)
    assert tuple(b for line in lines for b in line.bins) == made
    assert len(lines) == min(count, most)
    sizes = [len(line.bins) for line in lines]
    assert max(sizes) - min(sizes) <= 1


def test_a_mean_is_over_time_and_known_of_all_bins_or_not_at_all():
    one, two = Bin(0, 10, 5, watts=4.0), Bin(10, 30, 5, watts=2.0)
    assert Stretch((one, two)).mean("watts") == 2.5
    assert Stretch((one, replace(two, watts=None))).mean("watts") is None


@pytest.mark.parametrize(
    "change, why",
    [
        ({"missed": 11}, "11 of 10 calls were late"),
        ({"duration_s": 0.0}, "duration_s is 0.0"),
        ({"steal_share": 1.5}, "steal_share is 1.5"),
        ({"temperature_celsius": 900.0}, "temperature_celsius is 900.0"),
    ],
)
def test_a_bin_that_no_load_gives_is_refused_with_its_place(change, why):
    one = to_json(Bin(0, 1, 10)) | change
    with pytest.raises(ValueError, match=rf"bins\[0\].*{why}"):
        strict.build(Sustained, {"fps": None, "bins": [one]})


def test_bins_that_are_not_in_order_are_refused():
    with pytest.raises(ValueError, match="order"):
        Sustained(bins=bins([1.0, 1.0])[::-1])
