"""Arrays from elsewhere: what numpy wrote is read, what claims more than it holds is refused."""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy

from edge_runtime.documents import arrays

MB = 2**20
ARRAYS = of_numpy.arrays(
    st.sampled_from(["u1", "<f4", ">f8", "<i8", "?", "<U3"]),
    of_numpy.array_shapes(min_dims=0, min_side=0, max_side=4),
    elements=None,
)


def npz(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return buffer


def npy(array=None, *, says=""):
    """The bytes of a .npy file; with another shape in its header."""
    buffer = io.BytesIO()
    np.save(buffer, np.zeros((2, 3), np.uint8) if array is None else array)
    content = buffer.getvalue()
    if not says:
        return content
    start = 10
    header = content[start:128].replace(b"(2, 3)", says.encode()).rstrip() + b"\n"
    length = (len(header)).to_bytes(2, "little")
    return content[:8] + length + header + content[128:]


@given(ARRAYS, st.booleans())
def test_what_numpy_writes_is_read(array, in_columns):
    written = np.asfortranarray(array) if in_columns else array
    for write in (np.savez, np.savez_compressed):
        buffer = io.BytesIO()
        write(buffer, written, other=np.arange(3))
        found = arrays.read_npz(buffer, MB)
        np.testing.assert_array_equal(found["arr_0"], array)
        assert found["arr_0"].dtype == array.dtype and set(found) == {"arr_0", "other"}
        assert list(arrays.read_npz(buffer, MB, {"other", "nothing"})) == ["other"]
    content = npy(written)
    np.testing.assert_array_equal(arrays.read_npy(io.BytesIO(content), len(content)), array)


@pytest.mark.parametrize(
    "content, why",
    [
        (npy(says="(2, 3000000000000)"), "it says .2, 3000000000000. of uint8, and holds 6 bytes"),
        (npy(says="(2, 10**400)"), "malformed"),
        (npy(says="(-2, -3)"), "and holds 6 bytes"),
        (npy(says="(2, 2)"), "and holds 6 bytes"),
        (npy(np.array([{}], dtype=object)), "pickled objects, which are never read"),
        (b"\x93NUMPY\x03\x00" + npy()[8:], r"version \(3, 0\)"),
        (b"PK", "magic"),
    ],
)
def test_an_array_that_is_not_what_it_says_is_refused(content, why):
    with pytest.raises(ValueError, match=why):
        arrays.read_npy(io.BytesIO(content), len(content))
    with pytest.raises(ValueError, match=why):
        arrays.read_npz(npz(images=content), MB)


def test_an_archive_that_unpacks_to_more_than_the_bound_is_refused_before_it_is_unpacked():
    bomb = npz(images=npy(np.zeros(64 * MB, np.uint8)), labels=npy())
    assert len(bomb.getvalue()) < MB
    with pytest.raises(ValueError, match=r"unpacked it has 67,\d+,\d+ bytes, at most 1,048,576"):
        arrays.read_npz(bomb, MB)
    assert arrays.read_npz(bomb, MB, {"labels"})["labels"].shape == (2, 3)


def test_a_compression_that_numpy_does_not_write_is_refused():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("images.npy", npy())
    with pytest.raises(ValueError, match="compressed in a way"):
        arrays.read_npz(buffer, MB)
