"""Normalisation as artifacts that take raw pixels do it: one multiplication, one addition."""

import numpy as np
from numpy.typing import NDArray

from edge_runtime.bundle.preprocess import Preprocessing


def factor_and_offset(how: Preprocessing) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what raw pixels are multiplied by, and what is then added.

    (x / 255 - mean) / std is x * 1/(255 std) - mean/std.

    Returns:
        Each (C, 1, 1) float32, rounded once.
    """
    std = np.asarray(how.std, np.float64)[:, None, None]
    mean = np.asarray(how.mean, np.float64)[:, None, None]
    return (1 / (255 * std)).astype(np.float32), (-mean / std).astype(np.float32)
