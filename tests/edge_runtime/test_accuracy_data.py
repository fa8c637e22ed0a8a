"""Other images for top-1: found, read without running anything, and held against the model."""

import hashlib
import json
import sys

import numpy as np
import pytest

from edge_runtime.bundle import golden, manifest
from edge_runtime.errors import DataError
from edge_runtime.measure import accuracy_data, child
from edge_runtime.measure.accuracy_data import LabelledImages

FORMS = (
    "Give a .npz with images (N, C, H, W) uint8 and labels (N,), or CIFAR-10's binary "
    "test_batch.bin."
)
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 3, 32, 32), dtype=np.uint8)
LABELS = np.array([3, 0, 9, 3, 1])


def as_cifar10(images, labels):
    """CIFAR-10's binary version: a byte of label, then the image channel by channel."""
    return b"".join(bytes([n]) + image.tobytes() for n, image in zip(labels, images, strict=True))


@pytest.fixture
def npz(tmp_path):
    """Write arrays, those above unless others are given; None leaves one out."""

    def make(**changes):
        arrays = {"images": IMAGES, "labels": LABELS, **changes}
        np.savez(tmp_path / "x.npz", **{k: v for k, v in arrays.items() if v is not None})
        return tmp_path / "x.npz"

    return make


@pytest.fixture
def content(bundle):
    return manifest.read(bundle)


def assert_those_above(found):
    np.testing.assert_array_equal(found.images, IMAGES)
    np.testing.assert_array_equal(found.labels, LABELS)
    assert (found.images.dtype, found.labels.dtype) == (np.uint8, np.int64)


def refused(call, *arguments):
    with pytest.raises(DataError) as caught:
        call(*arguments)
    return str(caught.value)


@pytest.mark.parametrize("name", ["any.npz", "any.bin", "without"])
def test_a_file_is_itself(tmp_path, name):
    (tmp_path / name).touch()
    assert accuracy_data.find(tmp_path / name) == tmp_path / name


@pytest.mark.parametrize(
    "name", ["test_batch.bin", "cifar-10-batches-bin/test_batch.bin", "test.npz"]
)
def test_a_folder_is_the_test_set_in_it(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    (tmp_path / "data_batch_1.bin").touch()  # training images are not asked about
    assert accuracy_data.find(tmp_path) == tmp_path / name


def test_a_folder_without_a_test_set_is_told_what_to_hold(tmp_path):
    (tmp_path / "test_batch.bin").mkdir()
    assert refused(accuracy_data.find, tmp_path) == (
        f"--accuracy-data {tmp_path} holds none of test_batch.bin, "
        f"cifar-10-batches-bin/test_batch.bin, test.npz. {FORMS}"
    )


def test_a_path_that_is_not_there_is_refused(tmp_path):
    nowhere = tmp_path / "nowhere"
    message = f"--accuracy-data {nowhere} does not exist. {FORMS}"
    assert refused(accuracy_data.find, nowhere) == message


def test_results_say_which_file_it_was(tmp_path):
    (tmp_path / "x.bin").write_bytes(b"abc")
    told = f"x.bin, SHA-256 {hashlib.sha256(b'abc').hexdigest()[:12]}"
    assert accuracy_data.describe(tmp_path / "x.bin") == told


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8, np.uint64, ">i2"])
def test_an_archive_is_read_with_labels_of_any_whole_kind(npz, kind):
    assert_those_above(accuracy_data.read(npz(labels=LABELS.astype(kind))))


@pytest.mark.parametrize("name", ["test_batch.bin", "any"])
def test_cifar10s_binary_version_is_read(tmp_path, name):
    (tmp_path / name).write_bytes(as_cifar10(IMAGES, LABELS))
    assert_those_above(accuracy_data.read(tmp_path / name))


@pytest.mark.parametrize("size", [0, 1, 3072, 3074, 5 * 3073 - 1, 5 * 3073 + 1])
def test_records_that_are_cut_off_are_refused(tmp_path, size):
    whole = as_cifar10(IMAGES, LABELS) + b"x"
    (tmp_path / "x.bin").write_bytes(whole[:size])
    message = f"--accuracy-data {tmp_path / 'x.bin'}: {size} bytes are no records of 3073. {FORMS}"
    assert refused(accuracy_data.read, tmp_path / "x.bin") == message


def test_an_archive_that_is_cut_off_or_flipped_is_refused_or_reads_the_same(npz):
    path = npz()
    whole = path.read_bytes()
    for i in range(0, len(whole), 97):
        path.write_bytes(whole[:i])
        assert refused(accuracy_data.read, path).endswith(FORMS)
        path.write_bytes(whole[:i] + bytes([whole[i] ^ 255]) + whole[i + 1 :])
        try:
            found = accuracy_data.read(path)
        except DataError:
            continue
        assert_those_above(found)


@pytest.mark.parametrize("content", [b"", b"PK", b"x" * 3073, "npy"])
def test_what_is_no_archive_is_refused_whatever_its_name(tmp_path, content):
    path = tmp_path / "x.npz"
    if content == "npy":
        with path.open("wb") as file:
            np.save(file, IMAGES)
    else:
        path.write_bytes(content)
    message = refused(accuracy_data.read, path)
    assert message.startswith(f"--accuracy-data {path}: ") and message.endswith(FORMS)


def test_a_folder_or_nothing_in_place_of_a_file_is_refused(tmp_path):
    for name in (".", "nowhere.npz", "nowhere.bin"):
        assert "--accuracy-data" in refused(accuracy_data.read, tmp_path / name)


@pytest.mark.parametrize("name", ["images", "labels"])
def test_an_archive_that_lacks_an_array_is_refused_by_its_name(npz, name):
    assert name in refused(accuracy_data.read, npz(**{name: None}))


@pytest.mark.parametrize("name", ["images", "labels"])
def test_a_pickle_inside_is_not_loaded(npz, tmp_path, name):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    path = npz(**{name: np.array([Evil()] * 5, dtype=object)})
    assert "pickled objects" in refused(accuracy_data.read, path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "changes, told",
    [
        ({"images": IMAGES.astype(np.float32)}, "images (5, 3, 32, 32) float32 and labels (5,) "),
        ({"images": IMAGES.astype(np.int8)}, "images (5, 3, 32, 32) int8 and labels (5,) "),
        ({"images": IMAGES.reshape(5, -1)}, "images (5, 3072) uint8 and labels (5,) "),
        ({"images": IMAGES[0]}, "images (3, 32, 32) uint8 and labels (5,) "),
        ({"images": np.uint8(1)}, "images () uint8 and labels (5,) "),
        ({"images": IMAGES[:4]}, "images (4, 3, 32, 32) uint8 and labels (5,) "),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, "images (0, 3, 32, 32) uint8 and labels (0"),
        ({"labels": LABELS[:, None]}, "labels (5, 1) int64"),
        ({"labels": np.int64(1)}, "labels () int64"),
        ({"labels": LABELS.astype(float)}, "labels (5,) float64"),
        ({"labels": LABELS > 2}, "labels (5,) bool"),
        ({"labels": LABELS.astype(str)}, "labels (5,) <U"),
        ({"labels": LABELS - 1}, "labels (5,) int64"),
    ],
    ids=["float images", "signed images", "flat images", "one image", "a number", "too few images",
         "no images", "labels in a column", "one label", "float labels", "bool labels",
         "text labels", "negative labels"],
)  # fmt: skip
def test_arrays_that_are_no_labelled_images_are_refused_with_what_they_are(npz, changes, told):
    message = refused(accuracy_data.read, npz(**changes))
    assert told in message and message.endswith(FORMS)


def test_images_that_fit_the_model_do(content):
    LabelledImages(IMAGES, LABELS).require_fit(content)


def test_images_of_another_shape_than_the_models_are_refused(content):
    small = LabelledImages(IMAGES[:, :, :28, :28], LABELS)
    message = "--accuracy-data holds images of (3, 28, 28), the model takes (3, 32, 32)."
    assert refused(small.require_fit, content) == message


def test_labels_that_the_model_has_no_class_for_are_refused(content):
    wrong = LabelledImages(IMAGES, LABELS + 1)
    message = "--accuracy-data has the label 10, the model only 10 classes."
    assert refused(wrong.require_fit, content) == message


def test_a_label_too_large_for_int64_is_refused_and_not_turned_into_a_negative_one(npz, content):
    path = npz(labels=np.array([2**64 - 1, 0, 0, 0, 0], np.uint64))
    assert refused(lambda: accuracy_data.read(path).require_fit(content))


def test_a_check_in_a_child_passes_what_fits_all_bundles(npz, bundle):
    assert accuracy_data.check(npz(), [bundle, bundle]) is None
    assert accuracy_data.check(npz(), []) is None


def test_a_check_says_what_reading_says(npz, bundle):
    path = npz(labels=None)
    assert refused(accuracy_data.check, path, [bundle]) == refused(accuracy_data.read, path)


def test_a_check_says_what_does_not_fit_and_which_bundle_is_broken(npz, bundle, edit):
    wrong = npz(labels=LABELS + 1)
    message = "--accuracy-data has the label 10, the model only 10 classes."
    assert refused(accuracy_data.check, wrong, [bundle]) == message
    edit(lambda content: content.pop("classes"))
    assert str(bundle) in refused(accuracy_data.check, npz(), [bundle])


@pytest.mark.parametrize(
    "code, why",
    [
        ("raise RuntimeError('no numpy here')", "exit code 1: RuntimeError: no numpy here"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL: killed, most often"),
    ],
)
def test_a_check_whose_child_ends_says_why(npz, bundle, monkeypatch, code, why):
    monkeypatch.setattr(child, "command", lambda module: [sys.executable, "-c", code])
    path = npz()
    assert refused(accuracy_data.check, path, [bundle]).startswith(f"--accuracy-data {path}: {why}")


@pytest.mark.parametrize("form", ["images.npz", "cifar-10-batches-bin/test_batch.bin"])
def test_top1_over_the_golden_images_is_that_over_the_golden_pack(run, bundle, tmp_path, form):
    pack = golden.read(bundle / "golden.npz")
    file = tmp_path / "data" / form
    file.parent.mkdir(parents=True)
    if file.suffix == ".npz":
        np.savez(file, images=pack.images, labels=pack.labels)
    else:
        file.write_bytes(as_cifar10(pack.images, pack.labels))
    given = file if file.suffix == ".npz" else tmp_path / "data"
    quick = ("--rounds", "2", "--min-runs", "6", "--min-time", "0", "--accuracy-images", "500")
    done = run("edge_runtime", bundle, *quick, "--accuracy-data", given, "--output", "json")
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert content["settings"]["accuracy_data"] == accuracy_data.describe(file)
    (row,) = content["rows"]
    assert row["accuracy"]["data"] == {"images": 500, "right": row["accuracy"]["right"]}
    assert 400 < row["accuracy"]["right"] < 500
