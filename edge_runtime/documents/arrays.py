"""Arrays that somebody else may have written: ``.npy`` and ``.npz``, bounded before they are read.

A file of some kilobytes may claim terabytes, in the header of an array or as a compressed member.
Nothing is unpickled.
"""

import math
import zipfile
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, BinaryIO, cast

if TYPE_CHECKING:  # the process that waits while others measure needs no numpy
    from numpy.typing import NDArray

_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What numpy writes. Others are decompressed without a bound by Python's zipfile."""


def read_npz(
    file: BinaryIO, most_bytes: int, names: Collection[str] | None = None
) -> "dict[str, NDArray[Any]]":
    """Return the arrays of a ``.npz`` file by name.

    Args:
        file: open for reading.
        most_bytes: how large all that is read may be when it is unpacked.
        names: the arrays that are read, in as far as they are there; all of them if None.

    Raises:
        ValueError: what is read is larger, or no array. zipfile raises other exceptions on damaged
            files.
    """
    with zipfile.ZipFile(file) as archive:
        entries = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
        wanted = {name: entries[name] for name in entries if names is None or name in names}
        size = sum(entry.file_size for entry in wanted.values())
        if size > most_bytes:
            raise ValueError(f"unpacked it has {size:,} bytes, at most {most_bytes:,} are read")
        return {name: _unpack(archive, entry) for name, entry in wanted.items()}


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> "NDArray[Any]":
    if entry.compress_type not in _COMPRESSIONS:
        raise ValueError(f"{entry.filename:.60} is compressed in a way that numpy does not write")
    with archive.open(entry) as stream:
        return read_npy(cast(BinaryIO, stream), entry.file_size)


def read_npy(file: BinaryIO, size_bytes: int) -> "NDArray[Any]":
    """Return the array of a ``.npy`` file.

    Args:
        file: open for reading, at its begin.
        size_bytes: of the whole file.

    Raises:
        ValueError: it holds no array, one of Python objects, or fewer or more values than it says.
    """
    import numpy as np

    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version} of numpy's format is not read here")
    old = version == (1, 0)
    header = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(file)
    if dtype.hasobject:
        raise ValueError("it holds pickled objects, which are never read")
    held = size_bytes - file.tell()
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != held:
        raise ValueError(f"it says {shape!s:.60} of {dtype!s:.60}, and holds {held:,} bytes")
    file.seek(0)
    array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array
