"""The alignment of a library's segments, from headers made up and from real libraries."""

import io
import struct
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.doctor import elf


def library(*segments):
    header = b"\x7fELF\x02\x01\x01" + bytes(57)
    header = bytearray(header[:64])
    struct.pack_into("<Q", header, 32, 64)
    struct.pack_into("<HH", header, 54, 56, len(segments))
    table = b"".join(struct.pack("<I44xQ", kind, align) for kind, align in segments)
    return io.BytesIO(bytes(header) + table)


def test_the_least_of_the_loaded_segments_counts():
    assert elf.alignment(library((1, 65536), (1, 16384), (6, 8), (2, 4))) == 16384


def test_a_library_without_loaded_segments_says_nothing():
    assert elf.alignment(library((6, 8))) is None


@given(st.binary(max_size=400))
def test_what_is_no_library_says_nothing_and_raises_nothing(content):
    assert elf.alignment(io.BytesIO(content)) is None


@given(st.integers(0, 175))
def test_a_truncated_library_says_nothing(length):
    whole = library((1, 4096), (1, 4096)).getvalue()
    assert elf.alignment(io.BytesIO(whole[:length])) is None


def test_numpys_own_libraries_say_a_power_of_2_of_a_page_or_more():
    found = []
    for path in Path(np.__file__).parent.rglob("*.so"):
        with path.open("rb") as file:
            found.append(elf.alignment(file))
    assert found and all(align and align >= 4096 and not align & (align - 1) for align in found)
