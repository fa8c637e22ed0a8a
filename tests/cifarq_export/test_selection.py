"""What is written for what was asked."""

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

from cifarq_export.selection import choose
from edge_runtime.errors import UsageError

TORCHSCRIPT = (("torchscript", "fp32"), ("torchscript", "int8-dynamic"))
ONNX = (("onnx", "fp32"), ("onnx", "int8-dynamic"))
CONV = "int8-dynamic-conv"


@pytest.mark.parametrize(
    "format_, precisions, pairs, skipped",
    [
        (None, None, TORCHSCRIPT + ONNX, ()),
        ("onnx", None, ONNX, ()),
        ("all", "fp32", (("torchscript", "fp32"), ("onnx", "fp32")), ()),
        ("onnx", f"{CONV}, fp32", (("onnx", CONV), ("onnx", "fp32")), ()),
        ("onnx", "fp32,fp32", (("onnx", "fp32"),), ()),
        (None, CONV, (("onnx", CONV),), (("torchscript", CONV),)),
        ("torchscript", "all", TORCHSCRIPT, (("torchscript", CONV),)),
        ("all", "all", (*TORCHSCRIPT, *ONNX, ("onnx", CONV)), (("torchscript", CONV),)),
    ],
)
def test_pairs_and_what_is_passed_over(format_, precisions, pairs, skipped):
    selected = choose(format_, precisions)
    assert (selected.pairs, selected.skipped) == (pairs, skipped)


@pytest.mark.parametrize(
    "format_, precisions, message",
    [
        ("torchscript", CONV, "torchscript cannot be written as int8-dynamic-conv"),
        ("torchscript", f"fp32,{CONV}", "it can be fp32, int8-dynamic"),
        ("onx", None, "no format 'onx'. Did you mean 'onnx'?"),
        (None, "int8-dynamc", "no precision 'int8-dynamc'. Did you mean 'int8-dynamic'?"),
        (None, "", "--precision is empty"),
    ],
)
def test_what_does_not_exist_is_a_usage_error(format_, precisions, message):
    with pytest.raises(UsageError, match=message):
        choose(format_, precisions)
