"""What happened while samples were taken: differences between states, on turns that are made up."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.probes.state import State
from edge_runtime.probes.throttle import Firmware
from edge_runtime.results import changes
from edge_runtime.results.turns import Memory, Turn

SHARES = {
    "wait": (lambda turns: changes.wait_share(turns, 2), ("queue_wait_ns", "monotonic_ns")),
    "steal": (changes.steal_share, ("steal_ticks", "busy_ticks")),
    "others": (
        lambda turns: changes.others_cpus(turns, 100),
        ("busy_ticks", "cpu_ns", "monotonic_ns"),
    ),
}
SIDES = ("before", "after")
COUNTERS = sorted({name for _, names in SHARES.values() for name in names})
NOW = [
    Firmware.UNDER_VOLTAGE,
    Firmware.FREQUENCY_CAPPED,
    Firmware.THROTTLED,
    Firmware.SOFT_TEMPERATURE_LIMIT,
]


def turn(number=1, **changes):
    """A turn around which nothing was read but what is named, with its values before and after."""
    before, after = (State(**{name: pair[i] for name, pair in changes.items()}) for i in (0, 1))
    return Turn(number, 1, 1, (1,), True, 1, 0, (1,), Memory(), before, after)


def since_boot(flags):
    return flags << 16


@pytest.mark.parametrize(
    "pair, rise",
    [((2, 5), 3), ((3, 3), 0), ((None, 5), None), ((5, None), None), ((None, None), None)],
)
def test_a_change_needs_both_readings(pair, rise):
    assert changes.change(turn(major_faults=pair), "major_faults") == rise


def test_what_was_never_read_did_not_change_by_any_number():
    assert changes.change(turn(), "major_faults") is None
    assert changes.total([turn(major_faults=(0, 1)), turn()], "major_faults") is None


def test_a_total_is_over_all_turns_and_unknown_where_one_is():
    known = [turn(major_faults=(0, 2)), turn(major_faults=(7, 10))]
    assert changes.total(known, "major_faults") == 5
    assert changes.total([*known, turn(major_faults=(None, 3))], "major_faults") is None
    assert changes.total([], "major_faults") is None


def test_waiting_is_a_share_of_all_the_time_of_all_threads():
    busy = turn(queue_wait_ns=(5, 45), monotonic_ns=(0, 100))
    calm = turn(queue_wait_ns=(9, 9), monotonic_ns=(50, 350))
    assert changes.wait_share([busy], 1) == 0.4
    assert changes.wait_share([busy], 4) == 0.1
    assert changes.wait_share([busy, calm], 1) == 0.1  # of the sum, not the mean of two shares


def test_steal_is_a_share_of_the_time_that_was_wanted():
    turns = [
        turn(steal_ticks=(10, 13), busy_ticks=(0, 20)),
        turn(steal_ticks=(13, 15), busy_ticks=(20, 95)),
    ]
    assert changes.steal_share(turns) == 0.05


@pytest.mark.parametrize("name", SHARES)
def test_a_share_of_nothing_is_unknown(name):
    share, counters = SHARES[name]
    assert share([turn(**dict.fromkeys(counters, (7, 7)))]) is None
    assert share([]) is None


def test_others_use_what_this_process_did_not():
    used = turn(busy_ticks=(100, 350), cpu_ns=(0, 10**9), monotonic_ns=(0, 2 * 10**9))
    assert changes.others_cpus([used], 100) == 0.75
    assert changes.others_cpus([used], 250) == 0  # ticks are coarse: never less than nothing
    assert changes.others_cpus([used], None) is None


def test_the_clock_is_judged_by_the_slower_of_the_two_fixed_works():
    assert changes.slowest_clock(turn(fixed_work_ns=(100, 150)), 100) == 0.5
    assert changes.slowest_clock(turn(fixed_work_ns=(125, 100)), 100) == 0.25
    assert changes.slowest_clock(turn(fixed_work_ns=(100, 100)), 100) == 0
    assert changes.slowest_clock(turn(fixed_work_ns=(100, 150)), None) is None
    assert changes.slowest_clock(turn(), 100) is None


def test_the_best_fixed_work_is_the_fastest_of_all_turns():
    turns = [turn(fixed_work_ns=(120, 110)), turn(), turn(fixed_work_ns=(105, 130))]
    assert changes.fixed_work_ns(turns) == 105
    assert changes.fixed_work_ns([turn()]) is changes.fixed_work_ns([]) is None


@pytest.mark.parametrize(
    "pair, slower, best", [((None, 150), 0.5, 150), ((None, None), None, None)]
)
def test_a_fixed_work_that_is_unknown_counts_as_little_as_one_not_recorded(pair, slower, best):
    assert changes.slowest_clock(turn(fixed_work_ns=pair), 100) == slower
    assert changes.fixed_work_ns([turn(fixed_work_ns=pair)]) == best


@pytest.mark.parametrize("flag", NOW, ids=lambda flag: flag.name)
@pytest.mark.parametrize(
    "pair, met",
    [
        (lambda f: (f, f), True),
        (lambda f: (f, 0), True),
        (lambda f: (0, f), True),
        (lambda f: (None, f), True),
        (lambda f: (f, None), True),
        (lambda f: (0, since_boot(f)), True),
        (lambda f: (since_boot(f), since_boot(f)), False),
        (lambda f: (since_boot(f), 0), False),
        (lambda f: (since_boot(f), None), False),
        (lambda f: (0, 0), False),
    ],
    ids=["always", "before", "after", "after, unknown before", "before, unknown after", "meanwhile",
         "earlier", "earlier, then cleared", "earlier, then unknown", "never"],
)  # fmt: skip
def test_the_firmware_did_what_holds_or_was_newly_marked_as_past(flag, pair, met):
    assert changes.firmware(turn(firmware_flags=pair(flag))) == (flag if met else 0)


@pytest.mark.parametrize("flag", NOW, ids=lambda flag: flag.name)
def test_what_is_marked_as_past_is_not_of_this_turn_where_the_reading_before_is_unknown(flag):
    assert changes.firmware(turn(firmware_flags=(None, since_boot(flag)))) == 0


def test_firmware_flags_come_together_and_bits_without_a_name_are_left_out():
    capped, throttled = Firmware.FREQUENCY_CAPPED, Firmware.THROTTLED
    pair = (since_boot(capped) | 1 << 5, since_boot(capped | throttled) | capped | 1 << 30)
    assert changes.firmware(turn(firmware_flags=pair)) == capped | throttled
    assert changes.firmware(turn(firmware_flags=(None, None))) == changes.firmware(turn()) == 0


@pytest.mark.parametrize(
    "pair, higher",
    [((61.0, 70.5), 70.5), ((70.5, 61.0), 70.5), ((None, 50.0), 50.0), ((None, None), None)],
)
def test_the_temperature_is_the_higher_of_the_two(pair, higher):
    assert changes.temperature_celsius(turn(temperature_celsius=pair)) == higher
    assert changes.temperature_celsius(turn()) is None


numbers = st.integers(0, 10**15)
pairs = st.tuples(numbers, numbers)
rises = pairs.map(lambda drawn: (drawn[0], sum(drawn)))


def turns_of(readings):
    drawn = st.fixed_dictionaries(dict.fromkeys(COUNTERS, readings))
    return st.lists(drawn.map(lambda changes: turn(**changes)), min_size=1, max_size=4)


@pytest.mark.parametrize("name", SHARES)
@given(turns=turns_of(rises))
def test_a_share_is_never_negative(name, turns):
    found = SHARES[name][0](turns)
    assert found is None or found >= 0


@pytest.mark.parametrize("name", SHARES)
@given(turns=turns_of(rises), data=st.data())
def test_one_unknown_reading_makes_a_share_unknown(name, turns, data):
    share, counters = SHARES[name]
    i, side = data.draw(st.sampled_from(range(len(turns)))), data.draw(st.sampled_from(SIDES))
    unknown = replace(getattr(turns[i], side), **{data.draw(st.sampled_from(counters)): None})
    turns[i] = replace(turns[i], **{side: unknown})
    assert share(turns) is None


@given(turns_of(pairs))
def test_a_share_of_the_time_wanted_is_never_above_1_even_where_counters_ran_backwards(turns):
    found = changes.steal_share(turns)
    assert found is None or 0 <= found <= 1
