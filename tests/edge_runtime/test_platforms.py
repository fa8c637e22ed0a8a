"""Names of devices: what each stands for, and what is said of one that stands for nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import UsageError
from edge_runtime.setup import platforms
from edge_runtime.setup.platforms import COMMON_GLIBC, Platform


@pytest.mark.parametrize(
    "name, expected",
    [
        ("pi-bookworm", Platform("pi-bookworm", "aarch64", (3, 11), (2, 36))),
        ("pi-trixie", Platform("pi-trixie", "aarch64", (3, 13), (2, 41))),
        # A board's name beside a system's changes the CPU, and not what a wheel sees.
        ("pi5-trixie", Platform("pi-trixie", "aarch64", (3, 13), (2, 41))),
        ("linux-aarch64-py3.12", Platform("linux-aarch64-py3.12", "aarch64", (3, 12), (2, 28))),
        (
            "linux-x86_64-py3.11-glibc2.35",
            Platform("linux-x86_64-py3.11-glibc2.35", "x86_64", (3, 11), (2, 35)),
        ),
    ],
)
def test_a_name_stands_for_a_platform(name, expected):
    assert platforms.platform(name) == expected


def test_every_example_is_a_platform():
    for name in platforms.EXAMPLES:
        assert platforms.platform(name).name == name


def test_a_board_is_a_cpu_alone_and_with_its_system_a_platform_too():
    assert platforms.device("pi4").platform is None
    board = platforms.device("pi5-bookworm").board
    assert board is not None and "asimddp" in board.flags
    assert platforms.device("pi-bookworm").board is None
    assert "asimddp" not in platforms.device("pi4").board.flags


@pytest.mark.parametrize(
    "name, message",
    [
        ("pi4", r"pi4 names a board and not its system\. Give pi4-bookworm or pi4-trixie\."),
        ("pi-bokworm", r"no device 'pi-bokworm'\. Did you mean 'pi-bookworm'\?"),
        ("pi5-trixi", r"no device 'pi5-trixi'\. Did you mean 'pi5-trixie'\?"),
        ("pi4-bookwrm", r"no device 'pi4-bookwrm'\. Did you mean 'pi4-bookworm'\?"),
        ("linux-armv7l-py3.11", r"no device 'linux-armv7l-py3\.11'"),
        ("linux-aarch64-py3.10", r"edge-bench needs Python 3\.11 or newer"),
        ("linux-aarch64-py2.7", r"no device"),
        ("linux-aarch64-py3.11-musl1.2", r"no device"),
        ("linux-aarch64-py3.11\n", r"no device"),
        ("", r"no device ''\. Choose from: "),
        ("-bookworm", r"no device"),
    ],
)
def test_what_stands_for_nothing_is_a_usage_error(name, message):
    with pytest.raises(UsageError, match=message):
        platforms.platform(name)


@given(
    st.sampled_from(["aarch64", "x86_64"]),
    st.integers(11, 99),
    st.none() | st.integers(0, 99),
)
def test_any_linux_can_be_named(machine, minor, glibc):
    suffix = "" if glibc is None else f"-glibc2.{glibc}"
    name = f"linux-{machine}-py3.{minor}{suffix}"
    expected = COMMON_GLIBC if glibc is None else (2, glibc)
    assert platforms.platform(name) == Platform(name, machine, (3, minor), expected)


@given(st.text(max_size=40))
def test_any_other_text_is_refused_by_the_one_error(name):
    try:
        found = platforms.platform(name)
    except UsageError as error:
        assert repr(name) in str(error) or name in str(error)
    else:
        assert found.python >= (3, 11)
