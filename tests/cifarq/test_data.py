"""A data set as arrays: where it is looked for, how it is split, what a damaged one is called."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cifarq.data import cifar10, datasets
from cifarq.data.labelled import LabelledImages
from edge_runtime.errors import DataError

FILE_BYTES = 10_000 * 3_073
FILES = (*cifar10.TRAIN_FILES, *cifar10.TEST_FILES)

seeds = st.integers(0, 2**32 - 1)


@st.composite
def unequal_classes(draw, least=1):
    """Labels of up to five classes of up to 40 images each, in any order."""
    counts = draw(st.lists(st.integers(least, 40), min_size=1, max_size=5))
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    return draw(st.randoms(use_true_random=False)).sample(labels, len(labels))


def numbered(labels):
    """Images of one pixel whose red and green say which they are."""
    count = len(labels)
    pixels = np.zeros((count, 3, 1, 1), dtype=np.uint8)
    pixels[:, 0, 0, 0], pixels[:, 1, 0, 0] = np.divmod(np.arange(count), 256)
    return LabelledImages(pixels, np.asarray(labels, dtype=np.int64))


def numbers(images):
    return (images.images[:, 0, 0, 0].astype(int) * 256 + images.images[:, 1, 0, 0]).tolist()


@pytest.fixture
def binary(tmp_path):
    """CIFAR-10's layout with black airplanes only: six sparse files of the right size."""
    folder = tmp_path / "binary" / cifar10.FOLDER
    folder.mkdir(parents=True)
    for name in FILES:
        with (folder / name).open("wb") as file:
            file.truncate(FILE_BYTES)
    return folder


@given(unequal_classes(least=2), seeds)
def test_split_parts_are_disjoint_in_order_and_together_all(labels, seed):
    train, validation = datasets.split(numbered(labels), seed=seed)
    assert sorted(numbers(train) + numbers(validation)) == list(range(len(labels)))
    for part in (train, validation):
        assert numbers(part) == sorted(numbers(part))
        assert part.labels.tolist() == [labels[n] for n in numbers(part)]


@given(st.lists(st.integers(2, 60), min_size=1, max_size=5), seeds)
def test_split_holds_out_a_tenth_of_every_class(counts, seed):
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    train, validation = datasets.split(numbered(labels), seed=seed)
    held_out = np.bincount(validation.labels, minlength=len(counts))
    assert held_out.tolist() == [max(1, round(count / 10)) for count in counts]
    assert (np.bincount(train.labels, minlength=len(counts)) > 0).all()


def test_split_is_the_same_for_the_same_seed_only():
    images = numbered([n % 4 for n in range(400)])
    once, again, other = (numbers(datasets.split(images, seed=seed)[1]) for seed in (7, 7, 8))
    assert once == again
    assert once != other


def test_a_class_of_one_image_cannot_be_split_and_is_named():
    with pytest.raises(
        DataError, match=r"class 1 has 1 image left to train on; 2 are needed.*Add images"
    ):
        datasets.split(numbered([0] * 20 + [1]))


@pytest.mark.full_data
def test_cifar10_is_split_into_45000_and_5000_of_its_train_images(cifar10_dataset, data_dir):
    train, validation = cifar10_dataset.train, cifar10_dataset.validation
    assert (len(train), len(validation), len(cifar10_dataset.test)) == (45_000, 5_000, 10_000)
    assert np.bincount(validation.labels).tolist() == [500] * 10
    assert np.bincount(train.labels).tolist() == [4_500] * 10

    official, _ = cifar10.read(data_dir / cifar10.FOLDER)

    def contents(images):
        return [hash(image.tobytes()) for image in images.images]

    assert sorted(contents(train) + contents(validation)) == sorted(contents(official))


@pytest.mark.full_data
def test_cifar10_is_normalised_by_what_its_train_images_measure(cifar10_dataset):
    mean, std = cifar10_dataset.normalisation
    pixels = cifar10_dataset.train.images[::10] / 255
    assert pixels.mean(axis=(0, 2, 3)) == pytest.approx(mean, abs=0.003)
    assert pixels.std(axis=(0, 2, 3)) == pytest.approx(std, abs=0.003)


@given(unequal_classes(), st.integers(1, 150), seeds)
def test_balanced_draw_is_balanced_until_a_class_runs_out(labels, count, seed):
    drawn = datasets.balanced_draw(numbered(labels), count, seed=seed)
    assert len(drawn) == min(count, len(labels))
    assert len(set(drawn.tolist())) == len(drawn)
    there = np.bincount(labels, minlength=5)
    taken = np.bincount(np.asarray(labels)[drawn], minlength=5)
    unfinished = taken < there  # a class with images left has had its full share
    assert not unfinished.any() or taken[unfinished].min() >= taken.max() - 1


@given(unequal_classes(), st.integers(1, 100), seeds)
def test_balanced_draw_is_the_same_for_the_same_seed(labels, count, seed):
    once, again = (datasets.balanced_draw(numbered(labels), count, seed=seed) for _ in range(2))
    assert once.tolist() == again.tolist()


@given(seeds, seeds)
def test_balanced_draw_differs_by_seed(seed, other):
    assume(seed != other)
    images = numbered([n % 5 for n in range(500)])
    one, two = (set(datasets.balanced_draw(images, 50, seed=s).tolist()) for s in (seed, other))
    assert one != two


@pytest.mark.parametrize("given_folder", ["the binary folder itself", "its parent"])
def test_the_binary_folder_or_its_parent_may_be_given(binary, given_folder):
    dataset = datasets.load(binary if "itself" in given_folder else binary.parent)
    assert dataset.name == "cifar10"
    assert dataset.classes[0] == "airplane"
    assert dataset.train.images.shape == (45_000, 3, 32, 32)
    assert len(dataset.validation) == 5_000
    assert len(dataset.test) == 10_000


def test_without_a_folder_the_users_cache_is_read(binary, tmp_path, monkeypatch):
    pytest.importorskip("platformdirs")
    (tmp_path / "cache").mkdir()
    binary.parent.rename(tmp_path / "cache" / "cifarq")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert len(datasets.load().test) == 10_000


def test_a_given_folder_is_the_only_place_looked_at(binary, tmp_path, monkeypatch):
    (tmp_path / "cache").mkdir()
    binary.parent.rename(tmp_path / "cache" / "cifarq")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError) as caught:
        datasets.load(empty)
    message = str(caught.value)
    assert str(empty / cifar10.FOLDER) in message
    assert f"data_batch_1.bin in {empty}" in message
    assert str(empty / "train") in message
    assert "Give the folder" in message
    assert list(empty.iterdir()) == []


@pytest.mark.parametrize("name", ["data_batch_1.bin", "test_batch.bin"])
@pytest.mark.parametrize("size", [0, FILE_BYTES - 1, FILE_BYTES + 3_073])
def test_a_file_of_another_size_is_named_with_both_sizes(binary, name, size):
    with (binary / name).open("r+b") as file:
        file.truncate(size)
    with pytest.raises(DataError, match=f"{name} has {size} bytes; expected 30730000"):
        datasets.load(binary)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(binary, name):
    (binary / name).unlink()
    with pytest.raises(DataError, match=r"cannot read .*5 train files and 1 test file") as caught:
        datasets.load(binary)
    assert str(binary / name) in str(caught.value)


def test_a_label_above_9_is_named_with_its_file(binary):
    path = binary / "data_batch_2.bin"
    with path.open("r+b") as file:
        file.seek(5_000 * 3_073)
        file.write(b"\x0a")
    with pytest.raises(DataError, match="holds label 10; expected 0 to 9") as caught:
        datasets.load(binary)
    assert str(path) in str(caught.value)


def test_pixels_are_read_channel_by_channel_and_row_by_row(binary):
    record = bytes([7]) + bytes(range(256)) * 12
    with (binary / "data_batch_3.bin").open("r+b") as file:
        file.seek(42 * 3_073)
        file.write(record)
    train, _ = cifar10.read(binary)
    assert train.labels[20_042] == 7
    expected = np.frombuffer(record[1:], dtype=np.uint8).reshape(3, 32, 32)
    np.testing.assert_array_equal(train.images[20_042], expected)


def test_a_folder_that_does_not_exist_is_no_data_set(tmp_path):
    with pytest.raises(DataError, match="no data set in"):
        datasets.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (np.zeros((4, 3, 8, 8), np.float32), np.zeros(4, np.int64)),
        (np.zeros((4, 8, 8, 3), np.uint8), np.zeros(4, np.int64)),
        (np.zeros((4, 3, 8, 8), np.uint8), np.zeros(5, np.int64)),
    ],
    ids=["not uint8", "channels last", "labels of another count"],
)
def test_arrays_of_another_shape_or_type_are_refused(images, labels):
    with pytest.raises(DataError):
        LabelledImages(images, labels)
