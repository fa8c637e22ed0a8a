"""Scaling with numpy alone gives the pixels that Pillow gives."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge_runtime.classify import resample

SIDES = st.integers(1, 400)


def noise(height, width, seed=0):
    """Bytes (3, height, width); half of them black or white, where rounding overflows first."""
    draw = np.random.default_rng(seed)
    image = draw.integers(0, 256, (height, width, 3), dtype=np.uint8)
    extreme = draw.integers(0, 2, (height, width, 3), dtype=np.uint8) * 255
    return np.where(draw.random((height, width, 3)) < 0.5, image, extreme).transpose(2, 0, 1)


def by_pillow(image, height, width, shorter):
    """What training and exporting do, in Pillow's own words."""
    pil = pytest.importorskip("PIL.Image")
    picture = pil.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
    short = min(picture.size)
    wide, high = (int(shorter * side / short) for side in picture.size)
    scaled = picture.resize((wide, high), pil.Resampling.BILINEAR)
    left, top = round((wide - width) / 2), round((high - height) / 2)
    cropped = scaled.crop((left, top, left + width, top + height))
    return np.asarray(cropped).transpose(2, 0, 1)


@settings(deadline=None, max_examples=150)
@given(SIDES, SIDES, st.integers(1, 80), st.integers(1, 80), st.integers(0, 60))
@example(480, 640, 32, 32, 0)
@example(640, 480, 32, 32, 0)
@example(33, 32, 32, 32, 0)
@example(1, 1, 5, 3, 2)
@example(1, 300, 7, 7, 0)
@example(300, 7, 48, 40, 3)
def test_it_is_what_pillow_does(high, wide, height, width, beyond):
    shorter = max(height, width) + beyond
    image = noise(high, wide)
    ours = resample.fit(image, height, width, shorter).astype(int)
    theirs = by_pillow(image, height, width, shorter)
    # From 13 on Pillow scales tall images' other axis first, which rounds elsewhere.
    most = 1 if high > 2 * wide else 0
    assert ours.shape == (3, height, width) and np.abs(ours - theirs).max() <= most


@pytest.mark.parametrize("size", [(480, 640), (1080, 1920), (3000, 2000), (100, 4000)])
@pytest.mark.parametrize("side, shorter", [(32, 32), (224, 256)])
def test_photographs_of_a_cameras_size(size, side, shorter):
    image = noise(*size)
    ours = resample.fit(image, side, side, shorter)
    assert np.array_equal(ours, by_pillow(image, side, side, shorter))


def test_it_is_what_the_workshop_does():
    pil = pytest.importorskip("PIL.Image")
    resize = pytest.importorskip("cifarq.data.resize")
    image = noise(97, 131)
    picture = pil.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
    theirs = resize.Resize(40, 32, 24)(picture)
    assert np.array_equal(resample.fit(image, 32, 24, 40), theirs)


def test_an_image_of_the_right_size_is_taken_as_it_is_unless_it_was_scaled_before():
    image = noise(32, 32)
    assert resample.fit(image, 32, 32, None) is image
    assert np.array_equal(resample.fit(image, 32, 32, 32), image)
    assert not np.array_equal(resample.fit(image, 32, 32, 36), image)


def test_without_a_resize_the_larger_side_of_the_input_is_filled():
    image = noise(50, 70)
    assert np.array_equal(resample.fit(image, 20, 30, None), resample.fit(image, 20, 30, 30))


def test_only_what_is_kept_is_computed():
    # Whole, this would be 30,000,000 pixels high, and more memory than there is.
    assert resample.fit(noise(1_000_000, 1), 30, 30, 30).shape == (3, 30, 30)


def test_no_product_is_large_enough_for_threads():
    for size in (33, 480, 4000):
        for block in resample.axis(size, 32, 0, 32).blocks:
            rows = resample._fitting(block, 3)
            assert rows == 1 or rows * 3 * block.weights.size <= resample._PRODUCT


def test_a_strip_that_ends_within_an_image_makes_no_seam(monkeypatch):
    image = noise(211, 173)
    whole = resample.fit(image, 32, 48, 50)
    monkeypatch.setattr(resample, "_PRODUCT", 1)  # one row, and one column, at a time
    assert np.array_equal(resample.fit(image, 32, 48, 50), whole)


def test_a_flat_image_stays_flat():
    for value in (0, 1, 128, 254, 255):
        image = np.full((3, 101, 77), value, np.uint8)
        assert (resample.fit(image, 32, 32, 32) == value).all()
