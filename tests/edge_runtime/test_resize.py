"""From any size to a model's: what torchvision's Resize and CenterCrop do."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("PIL", reason="Pillow is not installed")
from PIL import Image

from edge_runtime.bundle.resizing import ResizeFilter, ResizeMode, Resizing
from edge_runtime.classify import pillow
from edge_runtime.classify.resize import Resize, fit
from edge_runtime.errors import DataError

SIDES = st.integers(1, 120)


@given(
    SIDES,
    SIDES,
    st.integers(1, 64),
    st.integers(1, 64),
    st.integers(0, 20),
    st.sampled_from(ResizeMode),
    st.sampled_from(ResizeFilter),
)
def test_the_size_is_always_the_models(width, height, high, wide, more, mode, by):
    least = Resizing(1, mode).least(high, wide)
    resize = Resize(Resizing(least + more, mode, by), high, wide)
    image = np.full((3, height, width), [[[1]], [[2]], [[3]]], np.uint8)
    found = resize(image)
    assert found.shape == (3, high, wide) and found.dtype == np.uint8
    assert found[:, 0, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize("by", ResizeFilter)
@pytest.mark.parametrize(
    "mode, asked",
    [(ResizeMode.CROP, 48), (ResizeMode.STRETCH, (48, 48))],
    ids=["crop", "stretch"],
)
@pytest.mark.parametrize("size", [(100, 64), (64, 100), (37, 41), (32, 32), (91, 47)])
def test_it_is_what_torchvision_does(size, mode, asked, by):
    transforms = pytest.importorskip("torchvision.transforms")
    draw = np.random.default_rng(0)
    image = Image.fromarray(draw.integers(0, 256, (*size[::-1], 3), dtype=np.uint8))
    scale = transforms.Resize(asked, transforms.InterpolationMode(str(by)), antialias=True)
    theirs = transforms.Compose([scale, transforms.CenterCrop((40, 40))])(image)
    pixels = np.asarray(image).transpose(2, 0, 1)
    ours = Resize(Resizing(48, mode, by), 40, 40)(pixels).transpose(1, 2, 0)
    np.testing.assert_array_equal(ours, np.asarray(theirs))


def test_stretching_to_an_input_that_is_not_square_crops_nothing():
    image = np.random.default_rng(0).integers(0, 256, (3, 50, 70), dtype=np.uint8)
    stretched = Resize(Resizing(16, ResizeMode.STRETCH), 32, 16)(image)
    assert (stretched == pillow.scale(image, 32, 16, ResizeFilter.BILINEAR)).all()


def test_what_is_done_is_said():
    assert Resizing(256, filter=ResizeFilter.BICUBIC).describe(224, 192) == (
        "shorter side scaled to 256, bicubic; centre 192x224 cropped"
    )
    stretch = ResizeMode.STRETCH
    assert Resizing(192, stretch).describe(224, 192) == "stretched to 192x224, bilinear"
    assert Resizing(256, stretch).describe(224, 224) == (
        "stretched to 256x256, bilinear; centre 224x224 cropped"
    )


def test_a_crop_larger_than_the_image_is_refused():
    with pytest.raises(DataError, match=r"--resize 31 is smaller than the input, 32x16.*Give 32"):
        Resize(Resizing(31), 32, 16)
    with pytest.raises(DataError, match=r"--resize 15 is smaller than the input, 32x16.*Give 16"):
        Resize(Resizing(15, ResizeMode.STRETCH), 32, 16)


def test_a_grey_plane_is_scaled_as_each_of_three():
    grey = np.random.default_rng(0).integers(0, 256, (1, 16, 9), dtype=np.uint8)
    resize = Resize(Resizing(8), 8, 8)
    assert (resize(np.repeat(grey, 3, axis=0)) == resize(grey)).all()


def test_an_image_of_the_models_size_is_taken_as_it_is_without_pillow(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    image = np.random.default_rng(0).integers(0, 256, (3, 32, 32), dtype=np.uint8)
    for how in (None, Resizing(32)):
        assert (fit(image, 32, 32, how) == image).all()
    with pytest.raises(DataError, match="scaling an image from 9x7 to 41x32 needs Pillow: pip"):
        fit(image[:, :7, :9], 32, 32, None)


def test_an_image_of_the_models_size_is_scaled_and_cropped_where_training_images_were():
    image = np.random.default_rng(0).integers(0, 256, (3, 32, 32), dtype=np.uint8)
    expected = pillow.scale(image, 48, 48, ResizeFilter.BICUBIC)[:, 8:40, 8:40]
    how = Resizing(48, filter=ResizeFilter.BICUBIC)
    assert (fit(image, 32, 32, how) == expected).all()


def test_a_strip_that_would_fill_the_memory_is_refused():
    with pytest.raises(DataError, match="99999x1 pixels would be scaled to 22399776x224"):
        Resize(Resizing(224), 224, 224)(np.zeros((3, 1, 99_999), np.uint8))
