"""Which wheels fit which device, by their names, and which of ONNX Runtime reads which file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import BundleError
from edge_runtime.setup import wheels
from edge_runtime.setup.platforms import Platform

BOOKWORM = Platform("pi-bookworm", "aarch64", (3, 11), (2, 36))
DESKTOP = Platform("desktop", "x86_64", (3, 12), (2, 28))


def test_a_name_says_all_that_is_asked_of_it():
    file = "typing_Extensions-4.16.0-1-py2.py3-none-any.whl"
    wheel = wheels.parse(file)
    assert wheel == wheels.Wheel(
        file, "typing-extensions", "4.16.0", ("py2", "py3"), ("none",), ("any",)
    )


@pytest.mark.parametrize(
    "file",
    [
        "numpy-2.4.6.tar.gz",
        "numpy-2.4.6-cp311-cp311.whl",
        "numpy-2.4.6--cp311-any.whl",
        "a-1-2-3-4-5-6.whl",
        ".whl",
        "",
    ],
)
def test_what_is_no_wheels_name_is_refused(file):
    with pytest.raises(BundleError, match="is not the name of a wheel"):
        wheels.parse(file)


@pytest.mark.parametrize(
    "tags",
    [
        "cp311-cp311-manylinux_2_28_aarch64",
        "cp311-cp311-manylinux_2_36_aarch64",
        "cp311-cp311-manylinux_2_17_aarch64.manylinux2014_aarch64",
        "cp311-cp311-manylinux2014_aarch64",
        # The newer name asks for too much, and the older one beside it does not.
        "cp311-cp311-manylinux_2_39_aarch64.manylinux_2_28_aarch64",
        "cp311-cp311-manylinux_2_28_x86_64.manylinux_2_28_aarch64",
        "cp311-abi3-manylinux_2_28_aarch64",
        "cp38-abi3-manylinux2014_aarch64",
        "cp39.cp310.cp311-abi3-manylinux2014_aarch64",
        "py3-none-any",
        "py2.py3-none-any",
        "py311-none-any",
        "py38-none-any",
        "py3-none-manylinux_2_28_aarch64",
    ],
)
def test_these_fit_a_pi_with_bookworm(tags):
    assert wheels.parse(f"x-1-{tags}.whl").problem(BOOKWORM) is None


@pytest.mark.parametrize(
    "tags, problem",
    [
        ("cp312-cp312-manylinux_2_28_aarch64", "is for cp312, not for Python 3.11"),
        ("cp310-cp310-manylinux_2_28_aarch64", "is for cp310, not for Python 3.11"),
        ("cp312-abi3-manylinux_2_28_aarch64", "is for cp312, not for Python 3.11"),
        ("cp313-cp313t-manylinux_2_28_aarch64", "is for cp313, not for Python 3.11"),
        ("cp311-cp311t-manylinux_2_28_aarch64", "is for cp311, not for Python 3.11"),
        ("pp311-pypy311_pp73-manylinux_2_28_aarch64", "is for pp311, not for Python 3.11"),
        ("py2-none-any", "is for py2, not for Python 3.11"),
        ("py312-none-any", "is for py312, not for Python 3.11"),
        ("cp311-cp311-manylinux_2_28_x86_64", "is for another machine than aarch64"),
        ("cp311-cp311-manylinux2014_armv7l", "is for another machine than aarch64"),
        ("cp311-cp311-macosx_11_0_arm64", "is for another machine than aarch64"),
        ("cp311-cp311-win_amd64", "is for another machine than aarch64"),
        ("cp311-cp311-musllinux_1_2_aarch64", "is for no Linux with glibc"),
        ("cp311-cp311-manylinux_2_39_aarch64", "needs glibc 2.39 or newer, not 2.36"),
        ("cp311-cp311-manylinux_3_0_aarch64", "needs glibc 3.0 or newer, not 2.36"),
    ],
)
def test_these_do_not_and_the_reason_is_said(tags, problem):
    file = f"x-1-{tags}.whl"
    assert wheels.parse(file).problem(BOOKWORM) == f"{file} {problem}"


@pytest.mark.parametrize("legacy", ["manylinux1", "manylinux2010", "manylinux2014"])
def test_names_older_than_pep_600_have_their_c_library(legacy):
    wheel = wheels.parse(f"x-1-cp312-cp312-{legacy}_x86_64.whl")
    assert wheel.problem(DESKTOP) is None
    ancient = Platform("ancient", "x86_64", (3, 12), (2, 4))
    assert "or newer, not 2.4" in str(wheel.problem(ancient))


@given(st.integers(0, 60), st.integers(0, 60))
def test_a_c_library_may_be_newer_and_never_older(needed, own):
    wheel = wheels.parse(f"x-1-cp311-cp311-manylinux_2_{needed}_aarch64.whl")
    fits = wheel.problem(Platform("d", "aarch64", (3, 11), (2, own))) is None
    assert fits == (own >= needed)


@given(st.integers(2, 30), st.integers(11, 30))
def test_an_abi3_wheel_needs_its_python_or_a_newer_one_and_any_other_just_its_own(built, own):
    device = Platform("d", "aarch64", (3, own), (2, 36))
    stable = wheels.parse(f"x-1-cp3{built}-abi3-manylinux2014_aarch64.whl")
    assert (stable.problem(device) is None) == (own >= built)
    exact = wheels.parse(f"x-1-cp3{built}-cp3{built}-manylinux2014_aarch64.whl")
    assert (exact.problem(device) is None) == (own == built)


word = st.text("abcXYZ019", min_size=1, max_size=8)


@given(
    st.lists(word, min_size=1, max_size=3),
    st.sampled_from("-_."),
    st.integers(0, 99),
    st.lists(word, min_size=3, max_size=3),
)
def test_a_name_is_read_back_whatever_joins_its_words(words, joint, version, tags):
    escaped = "_".join(words) if joint == "-" else joint.join(words)
    wheel = wheels.parse(f"{escaped}-{version}-{'-'.join(tags)}.whl")
    assert wheel.name == "-".join(words).lower()
    assert (wheel.version, *wheel.pythons, *wheel.abis, *wheel.platforms) == (str(version), *tags)
