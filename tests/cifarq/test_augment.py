"""Augmentation: every output is its image, shifted, mirrored and cut, and nothing else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
import torch

from cifarq.training import augment as augmentation

pytestmark = pytest.mark.torch


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def augment(images, generator, **options):
    """Augment, every other image mirrored."""
    mirrored = torch.arange(len(images)) % 2 == 1
    draw = augmentation.draw_from(generator, len(images), slice(None))
    return augmentation.augment(images, mirrored, draw, **options)


def numbered(count, height, width, dtype=torch.float32):
    """Images whose every pixel is another number."""
    pixels = torch.arange(count * 3 * height * width, dtype=torch.float32)
    return pixels.reshape(count, 3, height, width).to(dtype)


def shifted_and_mirrored(image, pad, crop=0):
    """All that an image may become: (row, column, mirrored) to pixels."""
    height, width = image.shape[1] - crop, image.shape[2] - crop
    padded = np.pad(image, ((0, 0), (pad, pad), (pad, pad)), mode="reflect")
    crops = {
        (row, column): padded[:, row : row + height, column : column + width]
        for row in range(2 * pad + crop + 1)
        for column in range(2 * pad + crop + 1)
    }
    return {
        (*where, mirrored): crop[:, :, ::-1] if mirrored else crop
        for where, crop in crops.items()
        for mirrored in (False, True)
    }


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.bfloat16])
def test_shape_and_dtype_stay(dtype):
    images = torch.randint(256, (5, 3, 12, 10), generator=seeded()).to(dtype)
    augmented = augment(images, seeded())
    assert augmented.shape == images.shape
    assert augmented.dtype == images.dtype


def test_the_input_is_not_changed():
    images = numbered(20, 8, 8)
    before = images.clone()
    augmented = augment(images, seeded(), pad=2, cutout=3)
    assert torch.equal(images, before)
    assert not torch.equal(augmented, before)


def test_the_same_seed_augments_alike_and_another_does_not():
    images = numbered(20, 16, 16)
    assert torch.equal(augment(images, seeded(3)), augment(images, seeded(3)))
    assert not torch.equal(augment(images, seeded(3)), augment(images, seeded(4)))


def test_it_draws_from_its_generator_alone():
    images, generator = numbered(20, 16, 16), seeded(3)
    torch.manual_seed(1)
    first, second = augment(images, generator), augment(images, generator)
    assert not torch.equal(first, second)
    torch.manual_seed(2)
    assert torch.equal(augment(images, seeded(3)), first)


def test_without_shift_and_cutout_only_mirroring_is_left():
    images = numbered(40, 6, 6)
    augmented = augment(images, seeded(), pad=0, cutout=0)
    assert torch.equal(augmented[::2], images[::2])
    assert torch.equal(augmented[1::2], images[1::2].flip(-1))


@given(
    st.integers(1, 4),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(0, 4),
    st.integers(0, 8),
    st.integers(0, 2**31),
)
@settings(max_examples=60, deadline=None)
def test_every_image_is_an_exact_shifted_or_mirrored_part(count, height, width, pad, crop, seed):
    images, crop = numbered(count, height, width), min(crop, height - 1, width - 1)
    augmented = augment(images, seeded(seed), pad=pad, crop=crop, cutout=0).numpy()
    assert augmented.shape == (count, 3, height - crop, width - crop)
    pad = min(pad, height - 1, width - 1)  # a reflection has to fit into the image
    for image, result in zip(images.numpy(), augmented, strict=True):
        possible = shifted_and_mirrored(image, pad, crop).values()
        assert any(np.array_equal(result, candidate) for candidate in possible)


@pytest.mark.parametrize("crop", [0, 2])
def test_every_shift_and_mirroring_is_drawn(crop):
    image = numbered(1, 7, 7)
    augmented = augment(image.expand(2000, -1, -1, -1), seeded(), pad=2, crop=crop, cutout=0)
    drawn = {result.tobytes() for result in augmented.numpy()}
    assert drawn == {v.tobytes() for v in shifted_and_mirrored(image[0].numpy(), 2, crop).values()}


@pytest.mark.parametrize("side", [1, 3, 7, 8])
def test_the_hole_is_a_square_of_the_side_asked_for_in_the_images_mean(side):
    images = numbered(200, 24, 24).flip(0) + 0.25  # no pixel equals a mean
    plain = augment(images, seeded(), pad=0, cutout=0)
    holed = augment(images, seeded(), pad=0, cutout=side)
    hole = (plain != holed).all(dim=1)
    assert torch.equal((plain != holed).any(dim=1), hole)  # the same in every channel
    heights, widths = hole.any(dim=2).sum(dim=1), hole.any(dim=1).sum(dim=1)
    assert torch.equal(hole.sum(dim=(1, 2)), heights * widths)  # a rectangle
    assert (heights.max(), widths.max()) == (side, side)  # a square, but at the border
    means = plain.mean(dim=(2, 3), keepdim=True).expand_as(plain)
    there = hole[:, None].expand_as(plain)
    torch.testing.assert_close(holed[there], means[there])
