"""Short names make a small INT8 file smaller, and change nothing else."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

pytest.importorskip("torch")

from cifarq_export.int8 import calibrate, onnx_graph, qdq, runtime
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
