"""How a shared library wants to be mapped: a page larger than its segments' alignment refuses it.

Source: the ELF-64 object file format (e_phoff, e_phentsize, e_phnum; PT_LOAD, p_align).
"""

import struct
from collections.abc import Iterable
from typing import IO

_PT_LOAD = 1
_HEADER_BYTES = 64
_SEGMENT_BYTES = 56
_MOST_SEGMENTS = 64  # libraries have about ten


def alignment(file: IO[bytes]) -> int | None:
    """Return the least alignment of a library's loaded segments, in bytes; None if it is none."""
    header = file.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES or header[:6] != b"\x7fELF\x02\x01":
        return None
    (offset,) = struct.unpack_from("<Q", header, 32)
    size, count = struct.unpack_from("<HH", header, 54)
    if offset != _HEADER_BYTES or size != _SEGMENT_BYTES or count > _MOST_SEGMENTS:
        return None
    table = file.read(size * count)
    if len(table) < size * count:
        return None
    segments = [struct.unpack_from("<I44xQ", table, i * size) for i in range(count)]
    return min((align for kind, align in segments if kind == _PT_LOAD and align), default=None)


def least(alignments: Iterable[int | None]) -> int | None:
    """Return the least of several libraries' alignments; None where none says one."""
    return min((found for found in alignments if found is not None), default=None)
