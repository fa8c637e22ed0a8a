"""From any size to a model's: what torchvision's Resize and CenterCrop do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("PIL", reason="Pillow is not installed")
from PIL import Image

from cifarq.data.resize import Resize
from edge_runtime.errors import DataError

SIDES = st.integers(1, 120)


@given(SIDES, SIDES, st.integers(1, 64), st.integers(1, 64), st.integers(0, 20))
def test_the_size_is_always_the_models(width, height, high, wide, more):
    resize = Resize(max(high, wide) + more, high, wide)
    found = resize(Image.new("RGB", (width, height), (1, 2, 3)))
    assert found.shape == (3, high, wide) and found.dtype == np.uint8
    assert found[:, 0, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize("size", [(100, 64), (64, 100), (37, 41), (32, 32), (91, 47)])
def test_it_is_what_torchvision_does(size):
    transforms = pytest.importorskip("torchvision.transforms")
    draw = np.random.default_rng(0)
    image = Image.fromarray(draw.integers(0, 256, (*size[::-1], 3), dtype=np.uint8))
    theirs = transforms.Compose([transforms.Resize(48), transforms.CenterCrop((40, 40))])(image)
    ours = Resize(48, 40, 40)(image).transpose(1, 2, 0)
    np.testing.assert_array_equal(ours, np.asarray(theirs))


def test_a_crop_larger_than_the_image_is_refused():
    with pytest.raises(DataError, match=r"--resize 31 is smaller than the input, 32x16"):
        Resize(31, 32, 16)


def test_grey_and_palette_images_become_rgb():
    for mode in ("L", "P", "RGBA", "1"):
        assert Resize(8, 8, 8)(Image.new(mode, (16, 9))).shape == (3, 8, 8)
