"""The golden pack: written the same way every time, and read without running anything."""

import io
import pickle

import numpy as np
import pytest

from edge_runtime.bundle import golden
from edge_runtime.errors import BundleError


@pytest.fixture
def pack():
    draw = np.random.default_rng(0)
    return golden.Golden(
        draw.integers(0, 256, (5, 3, 4, 4), dtype=np.uint8),
        np.arange(5, dtype=np.int64),
        draw.normal(size=(5, 7)).astype(np.float32),
    )


def test_it_reads_back_what_it_wrote(pack, tmp_path):
    golden.write(pack, tmp_path / "g.npz")
    found = golden.read(tmp_path / "g.npz")
    for name in ("images", "labels", "logits"):
        np.testing.assert_array_equal(getattr(found, name), getattr(pack, name))


def test_what_an_artifact_answered_where_it_was_exported_travels_with_it(pack, tmp_path):
    answers = {"m-int8.onnx": pack.logits + np.float32(0.5)}
    golden.write(golden.Golden(pack.images, pack.labels, pack.logits, answers), tmp_path / "g.npz")
    found = golden.read(tmp_path / "g.npz")
    np.testing.assert_array_equal(found.exported["m-int8.onnx"], answers["m-int8.onnx"])
    assert len(found.first(2).exported["m-int8.onnx"]) == 2
    short = {"m-int8.onnx": answers["m-int8.onnx"][:3]}
    golden.write(golden.Golden(pack.images, pack.labels, pack.logits, short), tmp_path / "h.npz")
    with pytest.raises(BundleError, match=r"m-int8\.onnx has"):
        golden.read(tmp_path / "h.npz")


def test_its_bytes_depend_on_its_content_alone(pack, tmp_path):
    golden.write(pack, tmp_path / "a.npz")
    golden.write(pack, tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_the_first_images_keep_their_labels_and_logits(pack):
    first = pack.first(2)
    assert len(first.images) == len(first.labels) == len(first.logits) == 2
    assert len(pack.first(99).images) == 5


def test_a_pickle_inside_is_not_loaded(pack, tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    objects = np.array([Evil()], dtype=object)
    np.savez(tmp_path / "g.npz", images=objects, labels=pack.labels, logits=pack.logits)
    with pytest.raises(BundleError, match="no golden pack"):
        golden.read(tmp_path / "g.npz")
    assert not (tmp_path / "ran").exists()


def npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


@pytest.mark.parametrize("content", [b"", b"PK", pickle.dumps([1]), b"x" * 100, npy()])
def test_what_is_no_archive_is_refused(content, tmp_path):
    (tmp_path / "g.npz").write_bytes(content)
    with pytest.raises(BundleError, match="no golden pack"):
        golden.read(tmp_path / "g.npz")


@pytest.mark.parametrize(
    "change",
    [
        {"images": np.zeros((5, 3, 4, 4), np.float32)},
        {"images": np.zeros((5, 12), np.uint8)},
        {"labels": np.zeros(4, np.int64)},
        {"logits": np.zeros((4, 7), np.float32)},
        {"logits": np.full((5, 7), np.nan, np.float32)},
        {"logits": np.zeros((5, 7), np.float16)},
        {"images": np.zeros((0, 3, 4, 4), np.uint8), "labels": np.zeros(0, np.int64)},
    ],
    ids=[
        "float images",
        "flat images",
        "too few labels",
        "too few logits",
        "no numbers",
        "half",
        "none",
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(pack, change, tmp_path):
    buffer = io.BytesIO()
    np.savez(buffer, **{**pack.__dict__, **change})
    (tmp_path / "g.npz").write_bytes(buffer.getvalue())
    with pytest.raises(BundleError):
        golden.read(tmp_path / "g.npz")


def test_a_pack_that_unpacks_to_more_than_any_is_refused_unread(pack, tmp_path):
    with (tmp_path / "g.npz").open("wb") as file:
        np.savez_compressed(file, images=np.zeros((300, 1024, 1024), np.uint8))
    with pytest.raises(BundleError, match="unpacked it has 314,572,"):
        golden.read(tmp_path / "g.npz")


def test_a_truncated_or_flipped_pack_is_refused_or_reads_the_same(pack, tmp_path):
    golden.write(pack, tmp_path / "g.npz")
    whole = (tmp_path / "g.npz").read_bytes()
    for i in range(0, len(whole), 7):
        (tmp_path / "cut.npz").write_bytes(whole[:i])
        with pytest.raises(BundleError):
            golden.read(tmp_path / "cut.npz")
        (tmp_path / "flip.npz").write_bytes(whole[:i] + bytes([whole[i] ^ 255]) + whole[i + 1 :])
        try:
            found = golden.read(tmp_path / "flip.npz")
        except BundleError:
            continue
        np.testing.assert_array_equal(found.images, pack.images)
