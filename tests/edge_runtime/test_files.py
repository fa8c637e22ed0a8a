"""Files are read within bounds, JSON without two meanings, and text shown as one line."""

import errno
import os
import threading
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime import files
from edge_runtime.documents import json_file
from edge_runtime.printable import one_line


def test_a_regular_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    link = tmp_path / "link"
    link.symlink_to(path)
    assert files.read_regular(path, 3) == files.read_regular(link, 3) == b"abc"


def test_a_named_pipe_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    done = threading.Event()

    def attempt() -> None:
        with pytest.raises(OSError, match="not a regular file"):
            files.read_regular(path, 100)
        done.set()

    threading.Thread(target=attempt, daemon=True).start()
    assert done.wait(5), "reading a named pipe waits"


@pytest.mark.parametrize(
    ("path", "code"), [("/dev/zero", errno.EINVAL), ("/", errno.EISDIR), ("/no/file", errno.ENOENT)]
)
def test_what_is_no_regular_file_is_refused(path: str, code: int) -> None:
    with pytest.raises(OSError) as error:
        files.read_regular(Path(path), 100)
    assert error.value.errno == code


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(OSError, match="larger than 64 MB"):
        json_file.read(path)


def test_reading_takes_memory_for_what_is_there_and_not_for_the_bound(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    tracemalloc.start()
    try:
        assert files.read_regular(path, 2**30) == b"abc"
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_refused_files_leave_no_descriptor_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        with pytest.raises(OSError, match="not a regular"):
            files.open_regular(Path("/dev/null"), 1)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"a": 1, "a": 2}', "'a' is given twice"),
        (b'{"a": NaN}', "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b"[" * 100_000, "nested too deeply"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b"\xef\xbb\xbf{}", "BOM"),
        (b"", "Expecting value"),
        (b"{} {}", "Extra data"),
        (b"1" * 5000, "digits"),
    ],
)
def test_json_with_two_meanings_or_none_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        json_file.parse(content)


@given(st.text())
def test_any_text_becomes_one_printable_line(text: str) -> None:
    shown = one_line(text)
    assert len(shown.splitlines()) <= 1
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    shown.encode("utf-8")


@given(st.text(min_size=1), st.integers(100, 1000))
def test_a_long_text_keeps_its_two_ends(text: str, times: int) -> None:
    shown = one_line(f"a{text * times}z", 50)
    assert shown[0] == "a"
    assert shown[-1] == "z"
    assert len(shown) <= 10 * (50 + len(" ... "))  # \U0001f431 is the longest escape


def test_words_of_other_languages_are_left_as_they_are() -> None:
    assert one_line("Größe 猫 café — 99 %") == "Größe 猫 café — 99 %"
    assert one_line("a\nError: forged\x1b[2J") == r"a\nError: forged\x1b[2J"
