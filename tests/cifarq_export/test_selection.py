"""What is written for what was asked."""

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

from cifarq_export.selection import choose
from edge_runtime.errors import UsageError

TORCHSCRIPT = (("torchscript", "fp32"), ("torchscript", "int8-dynamic"))
ONNX = (("onnx", "fp32"), ("onnx", "int8-dynamic"), ("onnx", "int8-static"))
CONV = "int8-dynamic-conv"


@pytest.mark.parametrize(
    "format_, precisions, pairs, skipped",
    [
        (None, None, TORCHSCRIPT + ONNX, ()),
        ("onnx", None, ONNX, ()),
        ("onnx,torchscript", "fp32", (("onnx", "fp32"), ("torchscript", "fp32")), ()),
        ("onnx", f"{CONV}, fp32", (("onnx", CONV), ("onnx", "fp32")), ()),
        ("onnx", "fp32,fp32", (("onnx", "fp32"),), ()),
        (None, CONV, (("onnx", CONV),), (("torchscript", CONV),)),
        ("torchscript", None, TORCHSCRIPT, ()),
        ("torchscript", "all", TORCHSCRIPT, ()),
        (None, "all", (*TORCHSCRIPT, *ONNX), ()),
        (None, "int8-static", ONNX[2:], (("torchscript", "int8-static"),)),
    ],
)
def test_pairs_and_what_is_passed_over(format_, precisions, pairs, skipped):
    selected = choose(format_, precisions)
    assert (selected.pairs, selected.skipped) == (pairs, skipped)


@pytest.mark.parametrize(
    "precisions, named",
    [(None, False), ("all", False), ("fp32,all", False), ("int8-static", True), (" fp32 ", True)],
)
def test_what_is_left_to_us_is_told_from_what_was_named(precisions, named):
    assert choose("onnx", precisions).named is named


def test_what_is_known_to_be_slow_is_had_by_its_name_alone():
    assert CONV not in {precision for _, precision in choose("all", "all").pairs}


def test_a_source_that_only_onnx_can_hold():
    assert choose(None, None, ("onnx",)).pairs == ONNX
    with pytest.raises(UsageError, match="cannot be written as torchscript, only as onnx"):
        choose("torchscript", None, ("onnx",))


@pytest.mark.parametrize(
    "format_, precisions, message",
    [
        ("torchscript", CONV, "torchscript cannot be written as int8-dynamic-conv"),
        ("torchscript", f"fp32,{CONV}", "Choose from: fp32, int8-dynamic."),
        ("onx", None, "no format 'onx'. Did you mean 'onnx'?"),
        (None, "int8-dynamc", "no precision 'int8-dynamc'. Did you mean 'int8-dynamic'?"),
        (None, "", "--precision is empty"),
    ],
)
def test_what_does_not_exist_is_a_usage_error(format_, precisions, message):
    with pytest.raises(UsageError, match=message):
        choose(format_, precisions)
