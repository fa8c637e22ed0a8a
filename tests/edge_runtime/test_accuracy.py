"""Logits from any callable, and what is counted from them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.bundle.preprocess import Channels, NormalisedBy, Preprocessing, normalise
from edge_runtime.measure import accuracy


@given(st.integers(1, 40), st.integers(1, 50))
def test_every_image_is_run_once_whatever_the_batch_size(count, batch_size):
    images = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, 2, 2), np.uint8)
    sizes, advances = [], []

    def predict(batch):
        sizes.append(len(batch))
        return batch[:, :, 0, 0]

    logits = accuracy.logits_of(
        predict,
        images,
        Preprocessing((0,) * 3, (1,) * 3),
        batch_size=batch_size,
        progress=advances.append,
    )
    np.testing.assert_allclose(logits[:, 0] * 255, np.arange(count), atol=1e-4)
    assert sum(sizes) == sum(advances) == count and max(sizes) <= batch_size


def test_top1_and_agreement_are_counted():
    logits = np.array([[0, 1], [1, 0], [2, 3], [5, 1]], np.float32)
    assert accuracy.top1(logits, np.array([1, 0, 0, 0])).value == 0.75
    assert accuracy.agreement(logits, logits[::-1].copy()).value == 0
    assert accuracy.is_right(logits, np.array([1, 1, 1, 1])).tolist() == [True, False, True, False]


def test_normalising_is_the_textbooks():
    images = np.array([[[[0, 255]], [[51, 102]], [[0, 0]]]], np.uint8)
    found = normalise(images, mean=(0.5, 0.2, 0.0), std=(0.5, 0.1, 1.0))
    assert found.dtype == np.float32 and found.flags.c_contiguous
    assert found.ravel().tolist() == pytest.approx([-1, 1, 0, 2, 0, 0], abs=1e-6)


def test_a_model_that_normalises_itself_is_given_the_raw_bytes():
    images = np.arange(48, dtype=np.uint8).reshape(1, 3, 4, 4)
    how = Preprocessing((0.5,) * 3, (0.2,) * 3, NormalisedBy.ARTIFACT)
    assert how.dtype == "uint8" and how.apply(images).dtype == np.uint8
    np.testing.assert_array_equal(how.apply(images), images)
    plain = Preprocessing((0.5,) * 3, (0.2,) * 3)
    assert plain.dtype == "float32"
    np.testing.assert_array_equal(plain.apply(images), normalise(images, plain.mean, plain.std))


@pytest.mark.parametrize("normalised_by", list(NormalisedBy))
def test_a_model_of_bgr_is_given_blue_first_and_its_mean_is_in_that_order(normalised_by):
    red = np.zeros((1, 3, 2, 2), np.uint8)
    red[:, 0] = 255
    how = Preprocessing((0, 0.2, 0.5), (1, 1, 0.25), normalised_by, Channels.BGR)
    batch = how.apply(red)
    assert batch.flags.c_contiguous
    if normalised_by is NormalisedBy.ARTIFACT:
        factor, offset = how.factor_and_offset()
        batch = batch * factor + offset
    assert batch[0, :, 0, 0].tolist() == pytest.approx([0, -0.2, 2], abs=1e-6)


def test_pixels_that_the_model_normalises_itself_come_out_as_they_are():
    images = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    how = Preprocessing((0,), (1 / 255,), color=Channels.GREY)
    assert how.apply(images).dtype == np.float32
    np.testing.assert_array_equal(how.apply(images), images)
    factor, offset = how.factor_and_offset()
    np.testing.assert_array_equal(images * factor + offset, images)


def test_a_paired_comparison_counts_what_was_lost_and_gained():
    right, wrong = [1, 0], [0, 1]
    found = accuracy.pair(
        np.array([right, right, wrong, wrong, wrong], np.float32),
        np.array([right, wrong, right, right, wrong], np.float32),
        np.zeros(5, np.int64),
    )
    assert found == accuracy.Paired(images=5, right=2, lost=2, gained=1, agree=2)
    assert found.drop.value == 0.2 and found.drop.low < 0.2 < found.drop.high
