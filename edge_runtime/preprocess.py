"""From an image's bytes to what a model's input expects."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def normalise(
    images: NDArray[np.uint8], mean: Sequence[float], std: Sequence[float]
) -> NDArray[np.float32]:
    """Scale to 0-1, subtract the mean and divide by the standard deviation of each channel.

    Args:
        images: (N, C, H, W) uint8, NCHW, RGB, 0-255.
        mean: C means on the 0-1 scale.
        std: C standard deviations on the 0-1 scale.

    Returns:
        (N, C, H, W) float32, C-contiguous.
    """
    centre = np.asarray(mean, dtype=np.float32)[:, None, None]
    spread = np.asarray(std, dtype=np.float32)[:, None, None]
    scaled = images.astype(np.float32) / np.float32(255)
    return np.ascontiguousarray((scaled - centre) / spread)
