"""What an operator computes by its shapes and its kind, and the product that CPUs are held to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.operators import kinds, macs, product

few = st.integers(1, 4)


@given(batch=few, groups=few, inputs=few, outputs=few, side=st.integers(3, 5), k=st.integers(1, 3))
def test_a_convolution_has_a_product_for_each_weight_at_each_place(
    batch, groups, inputs, outputs, side, k
):
    made = side - k + 1
    counted = 0
    for _image in range(batch):
        for _channel in range(groups * outputs):
            counted += made * made * inputs * k * k
    weights, output = (groups * outputs, inputs, k, k), (batch, groups * outputs, made, made)
    assert macs.of_convolution(weights, output) == counted
    assert macs.of_convolution(weights, (batch, made, made, groups * outputs)) == counted


@given(rows=few, inner=few, columns=few, batch=few)
def test_a_product_has_one_for_each_row_column_and_number_between(rows, inner, columns, batch):
    assert macs.of_product((rows, inner), (rows, columns)) == rows * inner * columns
    assert macs.of_product((inner, rows), (rows, columns)) == rows * inner * columns  # transposed
    several = (batch, rows, inner), (batch, rows, columns)
    assert macs.of_product(*several) == batch * rows * inner * columns


def test_without_a_shape_nothing_is_counted():
    assert macs.of_convolution((), (1, 2, 3, 4)) is None
    assert macs.of_convolution((8, 3, 3, 3), ()) is None
    assert macs.of_product((), (1, 10)) is None and macs.of_product((1, 10), ()) is None


@pytest.mark.parametrize(
    ("weights", "channels", "is_one"),
    [
        ((32, 1, 3, 3), 32, True),
        ((64, 1, 3, 3), 32, True),  # two outputs a channel
        ((32, 1, 3, 3), 1, False),  # an image in grey
        ((32, 32, 3, 3), 32, False),
        ((32, 2, 3, 3), 64, False),
    ],
)
def test_a_group_for_each_channel_is_depthwise(weights, channels, is_one):
    first, last = (1, channels, 8, 8), (1, 8, 8, channels)
    assert macs.is_depthwise(weights, first, (1, weights[0], 8, 8)) is is_one
    assert macs.is_depthwise(weights, last, (1, 8, 8, weights[0])) is is_one


@pytest.mark.parametrize(
    ("is_one", "of_kind"),
    [
        (
            kinds.is_product,
            "Conv FusedConv QLinearConv ConvInteger ConvTranspose Gemm FusedGemm QGemm MatMul "
            "QLinearMatMul DynamicQuantizeMatMul Convolution Deconvolution FullyConnected "
            "aten::_convolution aten::linear aten::addmm quantized::linear_dynamic",
        ),
        (kinds.is_to_int8, "QuantizeLinear DynamicQuantizeLinear FakeQuantize"),
        (kinds.is_to_float, "DequantizeLinear aten::dequantize"),
        (
            kinds.is_conversion,
            "QuantizeLinear DequantizeLinear DynamicQuantizeLinear ReorderInput ReorderOutput "
            "Transpose Cast Reorder Convert aten::contiguous",
        ),
    ],
)
def test_kinds_are_what_engines_call_them(is_one, of_kind):
    others = (
        "Relu QLinearAdd QLinearGlobalAveragePool QLinearSigmoid Mul MaxPool HardSigmoid Reshape "
        "aten::relu Softmax Concat"
    )
    assert all(map(is_one, of_kind.split())), of_kind
    assert not any(map(is_one, others.split()))
    assert not kinds.is_product("Convert") and not kinds.is_conversion("ConvTranspose")


def test_the_file_of_a_product_is_one_that_onnx_runtime_multiplies_by():
    ort = pytest.importorskip("onnxruntime")
    draw = np.random.default_rng(0)
    fp32 = draw.normal(size=(200, 200)).astype(np.float32)
    integers = draw.integers(-9, 9, (200, 200)).astype(np.int8)
    given_ = draw.integers(0, 99, (200, 200)).astype(np.uint8)
    for file, batch, expected in (
        (product.write("MatMul", fp32, "float32", "float32"), fp32, fp32 @ fp32),
        (
            product.write("MatMulInteger", integers, "uint8", "int32"),
            given_,
            given_.astype(np.int32) @ integers.astype(np.int32),
        ),
    ):
        session = ort.InferenceSession(file, providers=["CPUExecutionProvider"])
        np.testing.assert_allclose(session.run(None, {"x": batch})[0], expected, atol=1e-3)
    onnx = pytest.importorskip("onnx")
    onnx.checker.check_model(onnx.load_from_string(file), full_check=True)
