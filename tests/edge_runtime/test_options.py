"""Lists of numbers on the command line: what is taken for one, and what is refused."""

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import UsageError
from edge_runtime.measure.options import Counts, Cpus
from edge_runtime.results.settings import Settings

NO_LIST = ["", " ", ",", "1,", ",1", "1,,2", "x", "1,x", "1.5", "-1", "1e3", "1;2", "1 2", "²", "٣"]


def converted(kind, text):
    return kind.convert(text, None, None)


def refused(kind, text):
    with pytest.raises(click.BadParameter) as caught:
        converted(kind, text)
    return caught.value.message


@pytest.mark.parametrize(
    "text, numbers",
    [
        ("1", (1,)),
        ("1,2,4", (1, 2, 4)),
        ("4,1,2", (4, 1, 2)),
        (" 1 , 2 ", (1, 2)),
        ("2,1,2,1", (2, 1)),
        ("007", (7,)),
    ],
)
def test_counts_stay_in_their_order_each_once(text, numbers):
    assert converted(Counts(10**6), text) == numbers


@pytest.mark.parametrize("text", [*NO_LIST, "0", "1,0", "00", "+1", "1_000", "9" * 5000])
def test_what_is_no_list_of_counts_is_refused_and_shown(text):
    message = f"{text!r} is not a list of numbers from 1: give 4, or 1,2,4."
    assert refused(Counts(10**6), text) == message


@pytest.mark.parametrize(
    "text, numbers",
    [
        ("0", (0,)),
        ("3", (3,)),
        ("0,2-3", (0, 2, 3)),
        ("2-3,0", (0, 2, 3)),
        ("1-1", (1,)),
        ("0-3,2,1-2", (0, 1, 2, 3)),
        (" 0 , 2-3 ", (0, 2, 3)),
        ("99999", (99999,)),
    ],
)
def test_cpus_are_sorted_each_once(text, numbers):
    assert converted(Cpus(), text) == numbers


@pytest.mark.parametrize(
    "text", [*NO_LIST, "3-1", "1-", "-", "1-2-3", "1 - 2", "0x1", "100000", "0-100000", "9" * 5000]
)
def test_what_is_no_list_of_cpus_is_refused_and_shown(text):
    assert refused(Cpus(), text) == f"{text!r} is not a list of CPUs: give 2, or 0,2-3."


def test_a_count_above_the_largest_is_refused_with_it():
    assert converted(Counts(1024), "1024,1") == (1024, 1)
    assert refused(Counts(1024), "1,99999999") == "99999999 is too large: give 1 to 1,024."


@pytest.mark.parametrize(
    "what, value, said",
    [
        ("threads", (1, 99_999_999), "--threads is 99999999. Give 1 to 1,024."),
        ("batch_sizes", (0,), "--batch-size is 0. Give 1 to 65,536."),
        ("rounds", 10**30, f"--rounds is {10**30}. Give 1 to 10,000."),
        ("min_runs", 10**9, "--min-runs is 1000000000. Give 1 to 10,000,000."),
        ("accuracy_images", 10**7, "--accuracy-images is 10000000. Give 1 to 1,000,000."),
        ("max_time_s", float("inf"), "--max-time is inf. Give 0 to 1,000,000 seconds."),
        ("timeout_s", float("nan"), "--timeout is nan. Give 0 to 1,000,000 seconds."),
    ],
)
def test_a_number_that_makes_no_sense_is_refused_by_programs_settings_too(what, value, said):
    with pytest.raises(UsageError) as caught:
        Settings(**{what: value})
    assert str(caught.value) == said


@pytest.mark.parametrize("kind", [Counts(10**6), Cpus()], ids=["counts", "cpus"])
def test_a_default_that_is_converted_already_stays_as_it_is(kind):
    assert converted(kind, ()) == () and converted(kind, (3, 1)) == (3, 1)


@given(st.lists(st.integers(1, 10**6), min_size=1, unique=True))
def test_counts_come_back_as_they_were_written(numbers):
    assert converted(Counts(10**6), ",".join(map(str, numbers))) == tuple(numbers)


def linux_list(numbers):
    """Write CPUs as Linux does: runs of them as ranges."""
    starts = [n for n in sorted(numbers) if n - 1 not in numbers]
    ends = [n for n in sorted(numbers) if n + 1 not in numbers]
    pairs = zip(starts, ends, strict=True)
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in pairs)


@given(st.sets(st.integers(0, 60) | st.integers(0, 99999), min_size=1))
def test_cpus_come_back_as_linux_writes_them(numbers):
    assert converted(Cpus(), linux_list(numbers)) == tuple(sorted(numbers))


@pytest.mark.parametrize("kind, least", [(Counts(10**6), 1), (Cpus(), 0)], ids=["counts", "cpus"])
@given(text=st.text("0123456789-, x", max_size=12) | st.text(max_size=8))
def test_any_text_is_numbers_or_refused(kind, least, text):
    try:
        found = converted(kind, text)
    except click.BadParameter:
        return
    assert found and len(set(found)) == len(found) and min(found) >= least
