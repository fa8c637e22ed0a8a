"""Photographs of mixed sizes: how they are divided, scaled, cropped at random, and kept on disk."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")
import torch
from PIL import Image

from cifarq.data import datasets, pixel_store
from cifarq.training.augment import draw_from
from cifarq.training.photographs import draw_boxes, resized_crops
from edge_runtime.bundle.resizing import Resizing
from edge_runtime.classify.resize import Resize
from edge_runtime.errors import DataError

pytestmark = pytest.mark.torch
TO_16 = Resize(Resizing(16), 16, 16)


@pytest.fixture
def photos(tmp_path, two_classes):
    """Airplanes and frogs in two folders and no parts, 20 of each, of mixed sizes, some on a side.

    A camera held upright stores the picture on its side, and says so.
    """
    for number, pixels in enumerate(two_classes.train.images[:40]):
        image = Image.fromarray(pixels.transpose(1, 2, 0).copy())
        image = image.resize((30 + number, 61 - number))
        exif = Image.Exif()
        if number % 3 == 0:
            exif[0x0112] = 6
            image = image.rotate(90, expand=True)
        path = tmp_path / "photos" / ("airplane", "frog")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, exif=exif)
    return tmp_path / "photos"


def test_folders_without_parts_are_divided_by_name_into_parts_that_share_nothing(photos):
    parts = datasets.find(photos)
    files = [set(part.files) for part in (parts.train, parts.validation, parts.test)]
    assert set.union(*files) == set(photos.rglob("*.png"))
    assert sum(map(len, files)) == 40
    assert parts.classes == ("airplane", "frog")
    assert np.bincount(parts.test.labels).tolist() == [2, 2]
    assert np.bincount(parts.validation.labels).tolist() == [2, 2]
    assert "not divided into train and test: 4 of its 40 images" in parts.note
    moved = photos.rename(photos.parent / "elsewhere")
    again = [file.relative_to(moved) for file in datasets.find(moved).test.files]
    assert again == [file.relative_to(photos) for file in parts.test.files]


@pytest.mark.parametrize("names", [("train", "val"), ("Train", "extra"), ("only",)])
def test_folders_that_are_parts_are_no_classes(photos, names):
    for name in names:
        (photos / "of" / name).mkdir(parents=True)
        (photos / "of" / name / "a.png").write_bytes((photos / "frog" / "1.png").read_bytes())
    with pytest.raises(DataError, match="no data set in"):
        datasets.find(photos / "of")


def test_every_image_is_scaled_with_its_aspect_kept_and_cropped_in_its_centre(photos):
    dataset = datasets.load(photos, TO_16)
    files = datasets.find(photos).test.files
    for pixels, file in zip(dataset.test.images, files, strict=True):
        with Image.open(file) as image:
            turned = image.getexif().get(0x0112) == 6
            upright = image.rotate(-90, expand=True) if turned else image.copy()
        scale = 16 / min(upright.size)
        width, height = (int(scale * side) for side in upright.size)
        scaled = upright.resize((width, height), Image.Resampling.BILINEAR)
        left, top = round((width - 16) / 2), round((height - 16) / 2)
        expected = np.asarray(scaled.crop((left, top, left + 16, top + 16)))
        np.testing.assert_array_equal(pixels, expected.transpose(2, 0, 1))


def test_mixed_sizes_need_the_option_and_the_error_names_it(photos):
    with pytest.raises(DataError, match="--image-size"):
        datasets.load(photos)


def test_pixels_that_would_fill_the_memory_lie_in_a_file_without_a_name(
    photos, tmp_path, monkeypatch
):
    in_memory = datasets.load(photos, TO_16)
    monkeypatch.setattr(pixel_store, "MOST_IN_MEMORY", 1_000)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    on_disk = datasets.load(photos, TO_16)
    assert isinstance(on_disk.train.images, np.memmap)
    assert not isinstance(in_memory.train.images, np.memmap)
    np.testing.assert_array_equal(on_disk.train.images, in_memory.train.images)
    assert on_disk.normalisation == in_memory.normalisation
    assert on_disk.fingerprint == in_memory.fingerprint
    assert list((tmp_path / "cache" / "cifarq").iterdir()) == []


def test_a_disk_without_room_is_named_with_what_to_do(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(pixel_store, "MOST_IN_MEMORY", 1_000)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"cannot hold them: .*XDG_CACHE_HOME"):
        datasets.load(photos, TO_16)


LIMITED = """
import resource, sys
from pathlib import Path
import torch
from cifarq.factory import Factory
from cifarq.data import datasets
from cifarq.training import train
from cifarq.training.report import TrainConfig
from edge_runtime.bundle.resizing import Resizing
from edge_runtime.classify.resize import Resize

torch.set_num_threads(1)
config = TrainConfig("net", epochs=1, batch_size=4, image_size=512,
                     factory=Factory("strided:net"))
torch.nn.functional.conv2d(torch.zeros(1, 3, 8, 8), torch.zeros(4, 3, 8, 8))  # loads its library
used = next(int(line.split()[1]) * 1024 for line in open("/proc/self/status")
            if line.startswith("VmData"))
resource.setrlimit(resource.RLIMIT_DATA, (used + int(sys.argv[2]),) * 2)
try:
    bytearray(2 * int(sys.argv[2]))
    raise SystemExit("the limit does not hold")
except MemoryError:
    pass
dataset = datasets.load(Path(sys.argv[1]), Resize(Resizing(512), 512, 512))
print(dataset.train.images.nbytes)
train.train(config, dataset, Path("run"))
"""
STRIDED = """
from torch import nn
def net(num_classes):
    return nn.Sequential(nn.Conv2d(3, 4, 16, 16), nn.BatchNorm2d(4), nn.ReLU(),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, num_classes))
"""


@pytest.mark.slow
def test_a_run_needs_less_memory_than_its_pixels(two_classes, tmp_path):
    for number in range(904):
        image = two_classes.train.images[number % 200].transpose(1, 2, 0).copy()
        part = "test" if number < 4 else "train"
        path = tmp_path / "photos" / part / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).resize((40 + number % 20, 50)).save(path)
    (tmp_path / "strided.py").write_text(STRIDED)
    allowance = 240 * 2**20  # of which the images of validation, in memory, are 70
    where = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    where["MALLOC_MMAP_THRESHOLD_"] = "1000000"  # what is freed is given back, not kept for later
    done = subprocess.run(
        [sys.executable, "-P", "-c", LIMITED, tmp_path / "photos", str(allowance)],
        cwd=tmp_path,
        env={**os.environ, **where},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 2.5 * allowance
    assert Path(tmp_path, "run", "checkpoint.json").is_file()


def drawing(seed, count):
    return draw_from(torch.Generator().manual_seed(seed), count, slice(0, count))


@given(st.integers(4, 80), st.integers(4, 80), st.integers(0, 2**31))
def test_random_crops_lie_in_the_image_and_show_enough_of_it(height, width, seed):
    boxes = draw_boxes(drawing(seed, 50), (height, width))
    top, left, tall, broad = boxes.T
    assert boxes.dtype == torch.int64
    assert (top >= 0).all() and (left >= 0).all() and (tall >= 1).all() and (broad >= 1).all()
    assert (top + tall <= height).all() and (left + broad <= width).all()
    if height == width:  # a crop is cut off at a border that is nearer than its side
        assert (tall >= 0.42 * height - 1).all() and (broad >= 0.42 * width - 1).all()


def test_random_crops_reach_every_corner_and_vary_in_size():
    boxes = draw_boxes(drawing(0, 2_000), (40, 40))
    top, left, tall, broad = boxes.T
    assert top.min() == 0 and left.min() == 0
    assert (top + tall).max() == 40 and (left + broad).max() == 40
    assert len(set(tall.tolist())) > 15
    share = (tall * broad / 1_600).numpy()
    assert share.min() < 0.3 and share.max() == pytest.approx(1, abs=0.1)


def test_crops_are_drawn_from_the_generator_alone_and_leave_the_images(two_classes):
    images = torch.from_numpy(two_classes.train.images[:8].copy())
    before, mirrored = images.clone(), torch.arange(8) % 2 == 1
    one, again, other = (
        resized_crops(images, mirrored, drawing(seed, 8), 12) for seed in (1, 1, 2)
    )
    assert one.shape == (8, 3, 12, 12) and one.dtype == torch.uint8
    assert torch.equal(one, again) and not torch.equal(one, other)
    assert torch.equal(images, before)
    plain = resized_crops(images, mirrored & False, drawing(1, 8), 12)
    assert torch.equal(one[1::2], plain[1::2].flip(-1)) and torch.equal(one[::2], plain[::2])
