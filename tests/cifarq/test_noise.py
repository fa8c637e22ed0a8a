"""Signal to noise: what a bit is worth, and what is exact."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifarq.evaluation.noise import signal_to_noise_db


@given(st.integers(1, 12))
def test_rounding_to_more_bits_gains_about_6_db_a_bit(bits):
    signal = np.linspace(-1, 1, 10_001)
    step = 2.0 ** (1 - bits)
    coarse, fine = (np.round(signal / s) * s for s in (step, step / 2))
    gain = signal_to_noise_db(signal, fine) - signal_to_noise_db(signal, coarse)
    assert gain == pytest.approx(6.02, abs=0.5)


def test_an_exact_approximation_has_no_noise():
    assert signal_to_noise_db([1, 2], [1, 2]) == math.inf
