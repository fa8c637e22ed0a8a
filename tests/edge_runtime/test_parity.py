"""Parity: FP32 is held to its logits, INT8 to its answers."""

import numpy as np
import pytest

from edge_runtime.results.parity import Parity, compare

REFERENCE = np.array([[1.0, 2.0], [3.0, 0.0], [-8.0, 4.0]], np.float32)


def test_counts_and_differences():
    logits = REFERENCE + np.array([[0, 0], [0, 0.5], [13, 0]], np.float32)
    assert compare(logits, REFERENCE) == Parity(3, 2, 13.0, 8.0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_logit_that_is_no_number_is_never_faithful(value):
    logits = REFERENCE.copy()
    logits[0, 0] = value
    found = compare(logits, REFERENCE)
    assert found.largest_difference is None
    assert found.problem("fp32", fp32_tolerance=1e9) == "logits are not finite"


def test_fp32_tolerance_is_absolute_up_to_1_and_relative_above():
    assert Parity(9, 9, 0.9e-4, 0.5).problem("fp32", fp32_tolerance=1e-4) is None
    assert Parity(9, 9, 1.1e-4, 0.5).problem("fp32", fp32_tolerance=1e-4)
    assert Parity(9, 9, 1.1e-4, 20.0).problem("fp32", fp32_tolerance=1e-4) is None


def problem(images, agree, expected=1.0):
    return Parity(images, agree, 5.0, 1.0).problem(
        "int8-static", fp32_tolerance=1e-4, expected_agreement=expected
    )


def test_int8_may_move_its_logits_and_not_its_answers():
    assert problem(1000, 937) is None  # 5 % and what chance adds: 2 sqrt(0.05 x 0.95 x 1000)
    assert problem(1000, 936) == (
        "64 of 1000 images are put in another class than by the FP32 model, allowed 63"
    )


def test_few_images_may_differ_less_often_than_not():
    assert problem(20, 18) is None and problem(20, 17)
    assert problem(3, 3) is None and problem(3, 2)


def test_int8_is_held_to_what_it_did_where_it_was_exported():
    assert problem(1000, 850) and problem(60, 49)
    assert problem(1000, 850, expected=0.92) is None and problem(60, 49, expected=0.92) is None
    assert problem(1000, 840, expected=0.92)
    assert problem(10, 0, expected=0.02) is None
