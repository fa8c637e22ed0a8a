"""The images that ship: real, balanced, disjoint, and the draw they say they are."""

import json
from itertools import pairwise

import numpy as np
import pytest

from cifarq.data import cifar10, datasets, packs

pytest.importorskip("PIL")
COUNTS = {"calibration": 512, "validation": 1_000, "golden": 500}
PARTS = {"calibration": "train", "validation": "validation", "golden": "test"}


@pytest.fixture(scope="module")
def shipped():
    return {name: packs.shipped(name) for name in COUNTS}


def test_these_packs_ship():
    assert set(packs.PACKS) == set(COUNTS)
    assert {path.stem for path in packs.FOLDER.glob("*.webp")} == set(COUNTS)


@pytest.mark.parametrize("name", COUNTS)
def test_a_pack_has_its_images_and_is_balanced_within_one(shipped, name):
    pack = shipped[name]
    assert pack.images.shape == (COUNTS[name], 3, 32, 32)
    per_class = np.bincount(pack.labels, minlength=10)
    assert len(per_class) == 10
    assert per_class.max() - per_class.min() <= 1


def test_no_image_is_in_two_packs_or_twice_in_one(shipped):
    contents = {name: {i.tobytes() for i in pack.images} for name, pack in shipped.items()}
    assert {name: len(content) for name, content in contents.items()} == COUNTS
    for one, other in pairwise([*contents, "calibration"]):
        assert contents[one].isdisjoint(contents[other])


@pytest.mark.parametrize("name", COUNTS)
def test_a_pack_says_where_it_is_from(name):
    record = json.loads((packs.FOLDER / f"{name}.json").read_text())
    assert record["part"] == packs.PACKS[name].part == PARTS[name]
    assert record["seed"] == packs.PACKS[name].seed
    assert record["split_seed"] == datasets.SPLIT_SEED
    assert tuple(record["classes"]) == cifar10.CLASSES


@pytest.mark.full_data
@pytest.mark.parametrize("name", COUNTS)
def test_drawing_a_pack_again_gives_what_ships(cifar10_dataset, shipped, name):
    drawn = packs.draw(cifar10_dataset, name)
    np.testing.assert_array_equal(drawn.labels, shipped[name].labels)
    np.testing.assert_array_equal(drawn.images, shipped[name].images)


@pytest.mark.full_data
@pytest.mark.parametrize("name", COUNTS)
def test_a_packs_images_are_in_the_part_it_names_and_in_no_other(cifar10_dataset, shipped, name):
    ours = {image.tobytes() for image in shipped[name].images}
    for part in PARTS.values():
        theirs = {image.tobytes() for image in getattr(cifar10_dataset, part).images}
        assert ours <= theirs if part == PARTS[name] else ours.isdisjoint(theirs)


def test_writing_packs_and_reading_them_loses_nothing(shipped, tmp_path, monkeypatch):
    counts = {"calibration": 3, "validation": 4, "golden": 52}  # 52 are a mosaic of two rows
    parts = {PARTS[name]: shipped[name].take(np.arange(n)) for name, n in counts.items()}
    dataset = datasets.Dataset("cifar10", cifar10.CLASSES, **parts)
    packs.write(dataset, tmp_path)
    monkeypatch.setattr(packs, "FOLDER", tmp_path)
    for name in COUNTS:
        drawn, read = packs.draw(dataset, name), packs.shipped(name)
        np.testing.assert_array_equal(read.labels, drawn.labels)
        np.testing.assert_array_equal(read.images, drawn.images)


def test_a_part_with_fewer_images_is_drawn_whole(two_classes):
    drawn = packs.draw(two_classes, "golden")
    assert len(drawn) == len(two_classes.test)
