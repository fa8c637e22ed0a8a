"""Short names, and no defaults, make a small INT8 file smaller, and change nothing else."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

pytest.importorskip("torch")

from cifarq_export.int8 import calibrate, onnx_graph, qdq, runtime
from cifarq_export.int8.defaults import omit_defaults
from cifarq_export.int8.short_names import shorten_names
from edge_runtime.probes import target


@pytest.fixture
def quantized():
    """Forty convolutions in a row, quantized, with the long names that ONNX Runtime gives."""
    draw = np.random.default_rng(0)
    nodes, tensors, name = [], [], "image"
    for i in range(40):
        weight = draw.normal(0, 0.3, (4, 3 if i == 0 else 4, 3, 3)).astype(np.float32)
        tensors.append(numpy_helper.from_array(weight, f"{i}.weight"))
        tensors.append(numpy_helper.from_array(np.zeros(4, np.float32), f"{i}.bias"))
        given = [name, f"{i}.weight", f"{i}.bias"]
        # Two names that the short ones must not collide with.
        name = {0: "1", 1: "a"}.get(i, f"layer_{i}_output")
        nodes.append(helper.make_node("Conv", given, [name], f"layer_{i}", pads=[1] * 4))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 8, 8])
    answer = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4, 8, 8])
    graph = helper.make_graph(nodes, "g", [image], [answer], tensors)
    opsets = [helper.make_opsetid("", 18)]
    model = onnx_graph.prepare(helper.make_model(graph, opset_imports=opsets, ir_version=10))
    ranges = dict.fromkeys(calibrate.float_activations(model), (-4.0, 4.0))
    return qdq.quantize(model, ranges, target.X86_VNNI, keep_fp32=("layer_7",))


def test_a_tenth_goes_and_no_answer_changes(quantized):
    short = onnx_graph.copy_model(quantized)
    shorten_names(short)
    onnx.checker.check_model(short)
    assert short.ByteSize() < 0.9 * quantized.ByteSize()
    pixels = np.random.default_rng(1).normal(size=(3, 3, 8, 8)).astype(np.float32)
    before, after = (runtime.open_model(model, "it").run(pixels) for model in (quantized, short))
    np.testing.assert_array_equal(before, after)


def test_layers_are_known_by_the_names_that_they_had(quantized):
    short = onnx_graph.copy_model(quantized)
    shorten_names(short)
    assert qdq.kept_layers(short) == qdq.kept_layers(quantized) != {}
    for model in (quantized, short):
        computing = [n.name for n in model.graph.node if n.op_type == "Conv"]
        assert computing == [f"layer_{i}" for i in range(40)]
    weights = {t.name for t in quantized.graph.initializer if t.name.endswith("weight_quantized")}
    assert weights <= {tensor.name for tensor in short.graph.initializer}
    names = [node.name for node in short.graph.node]
    assert len(set(names)) == len(names)


def test_what_onnx_assumes_goes_and_no_answer_and_no_kernel_changes(quantized, tmp_path):
    small = onnx_graph.copy_model(quantized)
    omit_defaults(small)
    onnx.checker.check_model(small)
    assert small.ByteSize() < 0.95 * quantized.ByteSize()
    pixels = np.random.default_rng(1).normal(size=(3, 3, 8, 8)).astype(np.float32)
    before, after = (runtime.open_model(model, "it").run(pixels) for model in (quantized, small))
    np.testing.assert_array_equal(before, after)
    kinds = [
        [node.op_type for node in runtime.optimise(model, runtime.ALL, tmp_path).graph.node]
        for model in (quantized, small)
    ]
    assert kinds[0] == kinds[1] and kinds[0].count("QLinearConv") == 39


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({"strides": [1, 1], "dilations": [1, 1], "pads": [0, 0, 0, 0]}, set()),
        (
            {"strides": [2, 2], "dilations": [1, 2], "pads": [0, 1, 0, 1]},
            {"strides", "dilations", "pads"},
        ),
        ({"auto_pad": "NOTSET", "group": 1, "kernel_shape": [3, 3]}, set()),
        ({"auto_pad": "SAME_UPPER", "group": 3}, {"auto_pad", "group"}),
    ],
)
def test_attributes_stay_that_say_something(given, left):
    weight = numpy_helper.from_array(
        np.ones((3, 3 // given.get("group", 1), 3, 3), np.float32), "w"
    )
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 8, 8])
    answer = helper.make_tensor_value_info("answer", TensorProto.FLOAT, None)
    node = helper.make_node("Conv", ["image", "w"], ["answer"], **given)
    graph = helper.make_graph([node], "g", [image], [answer], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    pixels = np.random.default_rng(1).normal(size=(1, 3, 8, 8)).astype(np.float32)
    before = runtime.open_model(model, "it").run(pixels)
    omit_defaults(model)
    assert {attribute.name for attribute in model.graph.node[0].attribute} == left
    np.testing.assert_array_equal(before, runtime.open_model(model, "it").run(pixels))
