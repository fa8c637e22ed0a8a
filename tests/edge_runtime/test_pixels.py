"""Images in every form in which programs hold them."""

import numpy as np
import pytest

from edge_runtime.classify import pixels
from edge_runtime.classify.pixels import LayoutError
from edge_runtime.errors import DataError, UsageError

IMAGE = np.random.default_rng(0).integers(0, 256, (3, 20, 30), dtype=np.uint8)
CAMERA = IMAGE.transpose(1, 2, 0)


@pytest.mark.parametrize(
    "given",
    [
        CAMERA,
        np.ascontiguousarray(CAMERA),
        [CAMERA],
        (CAMERA,),
        CAMERA[None],
        np.dstack([CAMERA, np.zeros((20, 30, 1), np.uint8)]),
    ],
)
def test_every_form_of_a_colour_image_is_the_same_image(given):
    (found,) = pixels.separate(given)
    assert np.array_equal(found, IMAGE)


@pytest.mark.parametrize("given", [IMAGE, (IMAGE,), IMAGE[None]])
def test_channels_come_first_where_that_is_said(given):
    (found,) = pixels.separate(given, layout="chw")
    assert np.array_equal(found, IMAGE)


@pytest.mark.parametrize("given", [IMAGE[0], IMAGE[0][..., None]])
def test_grey_is_one_plane(given):
    (found,) = pixels.separate(given, "BGR")
    assert np.array_equal(found, IMAGE[:1])


def test_bgr_is_turned_round_and_alpha_dropped():
    (found,) = pixels.separate(CAMERA[..., ::-1], "bgr")
    assert np.array_equal(found, IMAGE)
    bgra = np.dstack([CAMERA[..., ::-1], np.full((20, 30), 9, np.uint8)])
    (found,) = pixels.separate(bgra, "BGR")
    assert np.array_equal(found, IMAGE)


def test_a_list_may_hold_images_of_different_sizes_and_forms():
    found = pixels.separate([CAMERA, CAMERA[:7, :9], IMAGE[0]])
    assert [image.shape for image in found] == [(3, 20, 30), (3, 7, 9), (1, 20, 30)]


def test_nothing_is_copied():
    assert all(np.shares_memory(found, IMAGE) for found in pixels.separate(CAMERA[None], "BGR"))


def test_a_batch_comes_apart_in_order():
    batch = np.stack([IMAGE, IMAGE // 2])
    assert np.array_equal(np.stack(pixels.separate(batch.transpose(0, 2, 3, 1))), batch)
    assert np.array_equal(np.stack(pixels.separate(batch, layout="CHW")), batch)


def test_a_shape_is_never_guessed_from():
    image = np.zeros((3, 20, 3), np.uint8)
    assert pixels.separate(image)[0].shape == (3, 3, 20)
    assert pixels.separate(image, layout="CHW")[0].shape == (3, 20, 3)


def test_channels_elsewhere_are_refused_with_the_shape_and_the_option():
    with pytest.raises(LayoutError) as caught:
        pixels.separate(IMAGE)
    assert caught.value.what == (
        "an image of shape (3, 20, 30) has 30 channels in the layout HWC; 1, 3 and 4 are known."
    )
    assert caught.value.remedy.startswith("If its channels are first, give layout='CHW'")
    with pytest.raises(LayoutError, match=r"20 channels in the layout CHW.*give layout='HWC'"):
        pixels.separate(CAMERA, layout="CHW")


@pytest.mark.parametrize(
    "given, message",
    [
        ([], "there are no images"),
        (np.zeros((0, 20, 30, 3), np.uint8), "there are no images"),
        (np.zeros((0, 30, 3), np.uint8), "has no pixels"),
        (np.zeros((2, 0, 30, 3), np.uint8), "has no pixels"),
        ([CAMERA, np.zeros((0, 30), np.uint8)], "has no pixels"),
        (np.zeros(30, np.uint8), r"\(30,\) is no shape"),
        (np.zeros((2, 2, 2, 2, 3), np.uint8), "is no shape"),
        (np.zeros((20, 30, 2), np.uint8), "has 2 channels in the layout HWC"),
        (np.zeros((7, 20, 30), np.uint8), r"several grey images are \(N, H, W, 1\)"),
        ([CAMERA[None]], "one of these is a batch"),
        (CAMERA / 255, r"float64.*\(255 \* images\).round\(\).astype\('uint8'\)"),
        (CAMERA > 9, "bool.*255 "),
        (CAMERA.astype(np.int64), r"int64.*images.astype\('uint8'\)"),
        (CAMERA.astype(np.uint16), "16 bits"),
        (np.array([["a"]]), "Give numbers"),
        ("cat.jpg", "not str.*convert"),
        (iter([CAMERA]), "with stream"),
        ([[[1, 2, 3]]], "not list"),
    ],
)
def test_what_is_no_image_is_refused_with_what_to_do(given, message):
    with pytest.raises(DataError, match=message):
        pixels.separate(given)


def test_an_unknown_order_is_refused():
    with pytest.raises(UsageError, match=r"no color 'GBR'\. Did you mean"):
        pixels.separate(CAMERA, "GBR")
    with pytest.raises(UsageError, match=r"no layout 'HCW'\. Did you mean"):
        pixels.separate(CAMERA, layout="HCW")


def test_grey_is_the_luma_that_pillow_computes_and_grey_stays_what_it_is():
    pil = pytest.importorskip("PIL.Image")
    camera = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    luma = pixels.to_grey(camera.transpose(2, 0, 1))
    np.testing.assert_array_equal(luma[0], np.asarray(pil.fromarray(camera).convert("L")))
    assert pixels.to_grey(luma) is luma
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    np.testing.assert_array_equal(pixels.to_grey(np.concatenate([levels] * 3)), levels)
    np.testing.assert_array_equal(pixels.to_grey(camera.transpose(2, 0, 1)[None]), luma[None])
