"""How far an approximation lies from what it stands for."""

import math

import numpy as np
from numpy.typing import ArrayLike


def signal_to_noise_db(signal: ArrayLike, approximation: ArrayLike) -> float:
    """Return 10 log10 of the signal's power over the error's, in dB; infinite where exact.

    For weights and their quantized values this is the SQNR; every bit is worth about 6.02 dB.
    """
    exact = np.asarray(signal, dtype=np.float64)
    error = exact - np.asarray(approximation, dtype=np.float64)
    noise = float((error**2).sum())
    return math.inf if noise == 0 else 10 * math.log10(float((exact**2).sum()) / noise)
