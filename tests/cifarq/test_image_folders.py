"""Class folders: any classes and the usual formats; what cannot be used is named."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cifarq.data import datasets, packs
from cifarq.data.labelled import LabelledFiles, LabelledImages
from edge_runtime.bundle.resizing import Resizing
from edge_runtime.classify import images as device_images
from edge_runtime.classify.resize import Resize
from edge_runtime.errors import DataError

Image = pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def pictures():
    """Sixty real images, 32x32."""
    return packs.shipped("golden").images[:60]


@pytest.fixture
def folder(tmp_path, pictures, write_images):
    """Cats and ants: 20 of each to train on, 3 of each to test, all PNG."""
    for part, count in (("train", 20), ("test", 3)):
        images = LabelledImages(pictures[: 2 * count], np.arange(2 * count) % 2)
        write_images(tmp_path / "pets" / part, images, ("cat", "ant"))
    return tmp_path / "pets"


def test_png_jpeg_webp_and_bmp_may_be_mixed(tmp_path, pictures):
    for part in ("train", "test"):
        for label in ("a", "b"):
            (tmp_path / part / label).mkdir(parents=True)
            for number, (name, options) in enumerate(
                {
                    "0.png": {},
                    "1.webp": {"lossless": True},
                    "1b.BMP": {},
                    "2.jpg": {"quality": 95, "subsampling": 0},
                    "3.JPEG": {"quality": 95, "subsampling": 0},
                }.items()
            ):
                image = Image.fromarray(pictures[number].transpose(1, 2, 0).copy())
                image.save(tmp_path / part / label / name, **options)
            (tmp_path / part / label / "notes.txt").write_text("not an image")
    test = datasets.load(tmp_path).test
    assert test.labels.tolist() == [0] * 5 + [1] * 5
    np.testing.assert_array_equal(test.images[:3], pictures[:3])
    lost = np.abs(test.images[3:5].astype(int) - pictures[3:5])
    assert lost.mean() < 4


def test_subfolders_are_read_and_hidden_files_and_folders_are_not(folder):
    before = datasets.load(folder)
    (folder / "train" / "ant" / "._00001.png").write_bytes(b"\0\5\x16\7 what macOS keeps beside it")
    (folder / "train" / ".cache").mkdir()
    ants = folder / "test" / "ant"
    for path in sorted(ants.iterdir())[1:]:
        (ants / "garden" / path.stem).mkdir(parents=True)
        path.rename(ants / "garden" / path.stem / "photo.png")
    after = datasets.load(folder)
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(after, part).images, getattr(before, part).images)


def test_a_file_that_cannot_be_reached_is_named(folder):
    (folder / "train" / "ant" / "gone.png").symlink_to("nowhere")
    with pytest.raises(DataError, match=r"gone\.png is a link to nothing\. Replace or remove it\."):
        datasets.load(folder)


def part_of(numbers):
    """Files that nobody reads: class ``number % 3`` holds it under its name."""
    names = [f"{number % 3}/{number}.png" for number in sorted(numbers)]
    folder = Path("pets/train")
    labels = np.asarray([int(name[0]) for name in names], dtype=np.int64)
    return LabelledFiles(folder, tuple(folder / name for name in names), labels)


@settings(max_examples=50)
@given(st.sets(st.integers(0, 60), min_size=1), st.integers(1, 40), st.integers(0, 10))
def test_a_file_more_or_less_moves_at_most_one_other(numbers, count, extra):
    two_each = range(90, 96)  # of each class, so that it can be split
    less, more = (part_of({*numbers, *two_each, *new} - {extra}) for new in ((), (61 + extra,)))
    new = set(more.files) - set(less.files)
    assert len(new) == 1
    held_out = [set(datasets.split(part)[1].files) for part in (less, more)]
    moved = (held_out[0] ^ held_out[1]) - new
    assert len(moved) <= 1 and {path.parent for path in moved} <= {path.parent for path in new}
    drawn = [
        set(part.take(datasets.balanced_draw(part, count, seed=1)).files) for part in (less, more)
    ]
    assert len((drawn[0] ^ drawn[1]) - new) <= 1


def test_a_data_set_is_split_alike_wherever_it_lies():
    here = part_of(range(60))
    there = LabelledFiles(
        Path("/mnt/copy"),
        tuple(Path("/mnt/copy", path.relative_to(here.folder)) for path in here.files),
        here.labels,
    )
    names = [
        [path.relative_to(part.folder) for path in datasets.split(part)[1].files]
        for part in (here, there)
    ]
    assert names[0] == names[1]


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1", "CMYK"])
def test_every_colour_mode_becomes_rgb(folder, pictures, mode):
    image = Image.fromarray(pictures[0].transpose(1, 2, 0).copy()).convert(mode)
    path = folder / "test" / "ant" / ("0.jpg" if mode == "CMYK" else "0.png")
    image.save(path)
    test = datasets.load(folder).test
    assert test.images.shape == (7, 3, 32, 32)


@pytest.mark.parametrize("count", [2, 3, 17])
def test_any_number_of_classes_is_numbered_in_sorted_order(tmp_path, pictures, write_images, count):
    names = tuple(f"class {number}" for number in range(count, 0, -1))
    images = LabelledImages(pictures[: 2 * count], np.arange(2 * count) % count)
    write_images(tmp_path / "train", images, names)
    write_images(tmp_path / "test", images, names)
    dataset = datasets.load(tmp_path)
    assert dataset.classes == tuple(sorted(names))
    for pixels, label in zip(dataset.test.images, dataset.test.labels, strict=True):
        was = np.flatnonzero((pictures == pixels).all(axis=(1, 2, 3)))[0]
        assert dataset.classes[label] == names[was % count]


def test_a_tenth_of_each_class_is_held_out(folder):
    dataset = datasets.load(folder)
    assert dataset.name == "pets"
    assert np.bincount(dataset.train.labels).tolist() == [18, 18]
    assert np.bincount(dataset.validation.labels).tolist() == [2, 2]
    assert np.bincount(dataset.test.labels).tolist() == [3, 3]


def test_normalisation_is_measured_on_the_train_part_alone(folder):
    dataset = datasets.load(folder)
    pixels = dataset.train.images / 255
    mean, std = dataset.normalisation
    assert mean == pytest.approx(pixels.mean(axis=(0, 2, 3)), abs=1e-4)
    assert std == pytest.approx(pixels.std(axis=(0, 2, 3)), abs=1e-4)


def test_a_folder_that_is_called_cifar10_is_not_normalised_as_if_it_were(folder):
    measured = datasets.load(folder).normalisation
    assert datasets.load(folder.rename(folder.parent / "cifar10")).normalisation == measured


def test_images_of_one_colour_can_still_be_divided_by_their_spread(folder):
    for path in folder.rglob("*.png"):
        Image.new("RGB", (32, 32), (10, 20, 30)).save(path)
    assert min(datasets.load(folder).normalisation[1]) > 0


def test_a_class_only_in_train_is_named(folder):
    shutil.copytree(folder / "train" / "ant", folder / "train" / "bee")
    with pytest.raises(DataError, match=r"differ in their classes: bee.*needs a folder in both"):
        datasets.load(folder)


def test_a_class_only_in_test_is_named(folder):
    shutil.copytree(folder / "test" / "ant", folder / "test" / "bee")
    with pytest.raises(DataError, match=r"differ in their classes: bee.*needs a folder in both"):
        datasets.load(folder)


@pytest.mark.parametrize("part", ["train", "test"])
def test_an_empty_class_is_named(folder, part):
    shutil.rmtree(folder / part / "cat")
    (folder / part / "cat").mkdir()
    with pytest.raises(DataError, match=r"'cat' is empty.*Add images or remove") as caught:
        datasets.load(folder)
    assert str(folder / part / "cat") in str(caught.value)


def test_a_single_class_is_nothing_to_classify(folder):
    for part in ("train", "test"):
        shutil.rmtree(folder / part / "cat")
    with pytest.raises(DataError, match=r"has 1 class folders; a classifier needs at least 2"):
        datasets.load(folder)


def test_an_image_of_another_size_is_named_with_both_sizes(folder):
    odd = folder / "test" / "cat" / "odd.png"
    Image.new("RGB", (32, 31)).save(odd)
    with pytest.raises(DataError, match=r"is 32x31 pixels.*is 32x32\..*--image-size") as caught:
        datasets.load(folder)
    assert str(odd) in str(caught.value)


@pytest.mark.parametrize(
    "resize", [None, Resize(Resizing(24), 20, 16)], ids=["as it is", "resized"]
)
def test_a_photograph_taken_upright_is_trained_as_the_device_sees_it(tmp_path, pictures, resize):
    upright = np.ascontiguousarray(pictures[0].transpose(1, 2, 0)[:, :24])
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it clockwise: a camera stores the picture as its sensor lies
    Image.fromarray(np.rot90(upright)).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(device_images.read(tmp_path / "a.png"), upright)
    files = LabelledFiles(tmp_path, (tmp_path / "a.png",), np.zeros(1, np.int64))
    (read,) = files.read(resize).images
    planes = upright.transpose(2, 0, 1)
    assert np.array_equal(read, resize(planes) if resize else planes)


def test_sixteen_bits_a_channel_are_refused_rather_than_cut_to_white(folder):
    path = sorted((folder / "train" / "ant").iterdir())[0]
    Image.fromarray(np.full((32, 32), 40_000, np.uint16)).save(path)
    with pytest.raises(DataError, match="has more than 8 bits a channel") as caught:
        datasets.load(folder)
    assert str(path) in str(caught.value)


def spoilt_chunk(png):
    """Say that the pixels are shorter than they are, so that what follows is no chunk."""
    where = png.index(b"IDAT") - 1
    return png[:where] + b"\0" + png[where + 1 :]


@pytest.mark.parametrize(
    "spoil",
    [lambda png: b"not an image", lambda png: b"", lambda png: png[: len(png) // 2], spoilt_chunk],
    ids=["text", "empty", "truncated", "damaged chunk"],
)
def test_an_image_that_cannot_be_decoded_is_named(folder, spoil):
    path = sorted((folder / "train" / "ant").iterdir())[3]
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DataError, match=r"\. Replace or remove it\.") as caught:
        datasets.load(folder)
    assert str(path) in str(caught.value)
