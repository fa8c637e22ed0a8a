"""TFLite files, operator by operator: LiteRT answers what ONNX Runtime answers."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed")

from cifarq_export import tflite
from cifarq_export.formats import litert
from cifarq_export.int8 import onnx_graph, runtime
from cifarq_export.int8.static import Static
from cifarq_export.tflite.gelu import fuse_gelu
from edge_runtime import engines
from edge_runtime.errors import ExportError
from edge_runtime.probes import target

DRAW = np.random.default_rng(0)
IMAGES = DRAW.normal(size=(5, 4, 12, 10)).astype(np.float32)
STEPS = 1.01
"""Steps of 1/255 of the range that INT8 may differ by: a sum that falls between two."""

TIES = {"mean of a window at the border": 3}
"""Where means of two or four integers are summed: one that ends in .5 may be rounded either way."""


def weights(*shape):
    drawn = DRAW.normal(size=shape) / np.sqrt(np.prod(shape[1:]))
    return drawn.astype(np.float32)


def model(*nodes, constants=None, sizes=(4, 12, 10), opset=18):
    """A model of nodes given as (operator, inputs, output, attributes)."""
    made = [
        helper.make_node(kind, inputs.split(), outputs.split(), f"{kind}_{i}", **more)
        for i, (kind, inputs, outputs, more) in enumerate(nodes)
    ]
    last = nodes[-1][2].split()[-1]
    graph = helper.make_graph(
        made,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *sizes])],
        [helper.make_empty_tensor_value_info(last)],
        [numpy_helper.from_array(np.asarray(v), n) for n, v in (constants or {}).items()],
    )
    whole = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    return onnx.shape_inference.infer_shapes(onnx_graph.prepare(whole))


def in_ort(made, images):
    return runtime.open_model(made, "the model").run(images)


def as_defined(made, images):
    """What a QDQ graph means: no kernel of ONNX Runtime rounds otherwise."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return runtime.open_model(made, "the model", options).run(images)


def in_litert(content, images):
    return engines.load("litert", content, "model.tflite").run(images)


def conv(kernel, groups=1, many=6, **more):
    return model(
        ("Conv", "x w b", "y", {"group": groups, **more}),
        ("Flatten", "y", "z", {}),
        constants={"w": weights(many, 4 // groups, *kernel), "b": weights(many)},
    )


def unary(kind, **more):
    return model((kind, "x", "y", more), ("Flatten", "y", "z", {}))


def binary(kind, other):
    return model((kind, "x c", "y", {}), ("Flatten", "y", "z", {}), constants={"c": other})


def shaped(kind, *given, **more):
    """A model of an operator that takes lists of integers."""
    names = [f"i{n}" for n in range(len(given))]
    constants = {n: np.array(v, np.int64) for n, v in zip(names, given, strict=True)}
    return model(
        (kind, " ".join(["x", *names]), "y", more),
        ("Flatten", "y", "z", {}),
        constants=constants,
    )


SQUARE = np.abs(DRAW.normal(size=(4, 1, 1)).astype(np.float32)) + 0.5
CASES = {
    "convolution": lambda: conv((3, 3), pads=[1, 1, 1, 1]),
    "convolution without padding": lambda: conv((3, 2)),
    "convolution with a stride that TFLite pads otherwise": lambda: conv(
        (3, 3), pads=[1, 1, 1, 1], strides=[2, 2]
    ),
    "convolution padded on one side": lambda: conv((3, 3), pads=[0, 2, 1, 0]),
    "convolution padded as SAME_LOWER": lambda: conv((4, 4), auto_pad="SAME_LOWER", strides=[2, 2]),
    "dilated convolution": lambda: conv((3, 3), pads=[2, 2, 2, 2], dilations=[2, 2]),
    "grouped convolution": lambda: conv((3, 3), groups=2, pads=[1, 1, 1, 1]),
    "depthwise convolution": lambda: conv((3, 3), groups=4, many=4, pads=[1, 1, 1, 1]),
    "depthwise convolution of two each": lambda: conv((3, 3), groups=4, many=8, strides=[2, 1]),
    "ReLU": lambda: unary("Relu"),
    "sigmoid": lambda: unary("Sigmoid"),
    "tanh": lambda: unary("Tanh"),
    "leaky ReLU": lambda: unary("LeakyRelu", alpha=0.1),
    "hard swish": lambda: unary("HardSwish"),
    "hard sigmoid": lambda: unary("HardSigmoid", alpha=1 / 6),
    "exponential": lambda: unary("Exp"),
    "clip": lambda: model(
        ("Clip", "x low high", "y", {}),
        ("Flatten", "y", "z", {}),
        constants={"low": np.float32(-0.5), "high": np.float32(0.75)},
    ),
    "clip to 6": lambda: model(
        ("Mul", "x ten", "m", {}),
        ("Clip", "m low high", "y", {}),
        ("Flatten", "y", "z", {}),
        constants={"low": np.float32(0), "high": np.float32(6), "ten": np.float32(10)},
    ),
    "sum with itself": lambda: model(("Add", "x x", "y", {}), ("Flatten", "y", "z", {})),
    "sum with a number for each channel": lambda: binary("Add", SQUARE),
    "product with a number": lambda: binary("Mul", np.float32(0.5)),
    "difference": lambda: binary("Sub", SQUARE),
    "quotient": lambda: binary("Div", SQUARE),
    "largest of a window": lambda: unary("MaxPool", kernel_shape=[2, 2], strides=[2, 2]),
    "largest of a padded window": lambda: unary(
        "MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]
    ),
    "mean of a window": lambda: unary("AveragePool", kernel_shape=[3, 3], strides=[3, 2]),
    "mean of a padded window": lambda: unary(
        "AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1
    ),
    "mean of a window at the border": lambda: unary(
        "AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1]
    ),
    "mean of images": lambda: unary("GlobalAveragePool"),
    "mean over channels": lambda: shaped("ReduceMean", [1], keepdims=1),
    "mean over rows, axis dropped": lambda: shaped("ReduceMean", [2], keepdims=0),
    "transposition": lambda: unary("Transpose", perm=[0, 3, 1, 2]),
    "slice of channels": lambda: shaped("Slice", [1], [3], [1]),
    "slice with steps": lambda: shaped("Slice", [1, 0], [12, 9], [2, 3], [2, 3]),
    "padding": lambda: shaped("Pad", [0, 0, 1, 2, 0, 0, 0, 1]),
    "reshape": lambda: shaped("Reshape", [0, 8, -1]),
    "squeeze and unsqueeze": lambda: model(
        ("GlobalAveragePool", "x", "g", {}),
        ("Squeeze", "g last", "s", {}),
        ("Unsqueeze", "s last", "u", {}),
        ("Mul", "x u", "y", {}),
        ("Flatten", "y", "z", {}),
        constants={"last": np.array([2, 3])},
    ),
    "channels joined": lambda: model(
        ("Relu", "x", "r", {}),
        ("Concat", "x r", "y", {"axis": 1}),
        ("Flatten", "y", "z", {}),
    ),
    "channels shuffled": lambda: model(
        ("Reshape", "x split", "a", {}),
        ("Transpose", "a", "b", {"perm": [0, 2, 1, 3, 4]}),
        ("Reshape", "b joined", "y", {}),
        ("Flatten", "y", "z", {}),
        constants={"split": np.array([-1, 2, 2, 12, 10]), "joined": np.array([-1, 4, 12, 10])},
    ),
    "the batch on another axis": lambda: model(
        ("Transpose", "x", "a", {"perm": [1, 0, 2, 3]}),
        ("Reshape", "a joined", "b", {}),
        ("Relu", "b", "r", {}),
        ("Transpose", "r", "y", {"perm": [1, 0, 2]}),
        ("Flatten", "y", "z", {}),
        constants={"joined": np.array([4, -1, 120])},
    ),
    "channels split": lambda: model(
        ("Split", "x", "a b", {"axis": 1, "num_outputs": 2}),
        ("Sub", "a b", "y", {}),
        ("Flatten", "y", "z", {}),
    ),
    "one row": lambda: model(
        ("Gather", "x at", "y", {"axis": 2}),
        ("Flatten", "y", "z", {}),
        constants={"at": np.array([-1, 2])},
    ),
    "layer of an image in a row": lambda: model(
        ("Relu", "x", "r", {}),
        ("Conv", "r k", "c", {}),
        ("Flatten", "c", "f", {}),
        ("Gemm", "f w b", "y", {"transB": 1}),
        constants={"k": weights(3, 4, 3, 3), "w": weights(7, 240), "b": weights(7)},
    ),
    "layer with weights the other way": lambda: model(
        ("Flatten", "x", "f", {}),
        ("Gemm", "f w", "y", {}),
        constants={"w": weights(480, 7)},
    ),
    "product of rows": lambda: model(
        ("Reshape", "x to", "r", {}),
        ("MatMul", "r w", "m", {}),
        ("Add", "m b", "y", {}),
        ("Flatten", "y", "z", {}),
        constants={"to": np.array([-1, 4, 120]), "w": weights(120, 6), "b": weights(6)},
    ),
    "attention": lambda: model(
        ("Reshape", "x to", "r", {}),
        ("Transpose", "r", "t", {"perm": [0, 2, 1]}),
        ("MatMul", "r t", "m", {}),
        ("Softmax", "m", "s", {"axis": -1}),
        ("MatMul", "s r", "y", {}),
        ("Flatten", "y", "z", {}),
        constants={"to": np.array([-1, 4, 120])},
    ),
    "layer normalisation": lambda: model(
        ("Transpose", "x", "t", {"perm": [0, 2, 3, 1]}),
        ("LayerNormalization", "t s b", "n", {}),
        ("Transpose", "n", "y", {"perm": [0, 3, 1, 2]}),
        ("Flatten", "y", "z", {}),
        constants={"s": weights(4), "b": weights(4)},
    ),
    "batch normalisation": lambda: model(
        ("BatchNormalization", "x s b m v", "y", {}),
        ("Flatten", "y", "z", {}),
        constants={"s": weights(4), "b": weights(4), "m": weights(4), "v": weights(4) ** 2},
    ),
    "GELU, taken apart": lambda: model(
        ("Div", "x root", "a", {}),
        ("Erf", "a", "e", {}),
        ("Add", "e one", "o", {}),
        ("Mul", "x o", "p", {}),
        ("Mul", "p half", "y", {}),
        ("Flatten", "y", "z", {}),
        constants={
            "root": np.float32(np.sqrt(2)),
            "one": np.float32(1),
            "half": np.float32(0.5),
        },
    ),
    "a token for each image": lambda: model(
        ("Reshape", "x to", "r", {}),
        ("Shape", "x", "s", {"start": 0, "end": 1}),
        ("Concat", "s rest", "all", {"axis": 0}),
        ("Expand", "token all", "t", {}),
        ("Concat", "t r", "y", {"axis": 1}),
        ("Flatten", "y", "z", {}),
        constants={
            "to": np.array([-1, 4, 120]),
            "rest": np.array([1, 120]),
            "token": weights(1, 1, 120),
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_fp32_is_what_onnx_runtime_computes(case):
    made = CASES[case]()
    content = tflite.write(fuse_gelu(made))
    assert content == tflite.write(fuse_gelu(made))
    for count in (1, 5):
        expected, answers = in_ort(made, IMAGES[:count]), in_litert(content, IMAGES[:count])
        assert answers.shape == expected.shape
        np.testing.assert_allclose(answers, expected, rtol=1e-4, atol=1e-5)


def surrounded(made):
    """The same between two convolutions that are quantized, and ranges of all that is between."""
    copy = onnx_graph.copy_model(made)
    graph = copy.graph
    inner, rest = "inner", [onnx.NodeProto.FromString(n.SerializeToString()) for n in graph.node]
    del graph.node[:]
    graph.node.append(helper.make_node("Conv", ["x", "first"], [inner], "first"))
    for node in rest:
        node.input[:] = [inner if name == "x" else name for name in node.input]
    graph.node.extend(rest)
    last = rest[-1].output[0]
    size = in_ort(made, IMAGES[:1]).shape[1]
    graph.node.append(helper.make_node("Gemm", [last, "second", "bias"], ["logits"], "second"))
    tensors = {"first": weights(4, 4, 1, 1) * 2, "second": weights(size, 3), "bias": weights(3)}
    graph.initializer.extend(numpy_helper.from_array(v, n) for n, v in tensors.items())
    graph.output[0].CopyFrom(helper.make_empty_tensor_value_info("logits"))
    return onnx.shape_inference.infer_shapes(onnx_graph.prepare(copy))


def ranges_of(made, images):
    watched = onnx_graph.copy_model(made)
    floats = [
        v.name for v in made.graph.value_info if v.type.tensor_type.elem_type == TensorProto.FLOAT
    ]
    del watched.graph.output[:]
    watched.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in floats)
    seen = runtime.open_model(watched, "the model").run_all(images)
    seen["x"] = images
    seen["logits"] = in_ort(made, images)
    return {name: (min(v.min(), 0), max(v.max(), 0)) for name, v in seen.items() if v.size}


@pytest.mark.parametrize("case", CASES)
def test_int8_is_within_a_step_of_the_last_layer(case):
    made = fuse_gelu(surrounded(CASES[case]()))
    static = Static(made, ranges_of(made, IMAGES), target.ARM64, litert.KERNELS)
    quantized = static.quantize()
    content = tflite.write(quantized)
    expected = as_defined(quantized, IMAGES)
    answers = in_litert(content, IMAGES)
    step = np.ptp(expected) / 255
    assert np.abs(answers - expected).max() <= TIES.get(case, STEPS) * step


def test_an_operator_that_cannot_be_written_is_named():
    with pytest.raises(ExportError) as caught:
        tflite.write(unary("Selu"))
    assert "operator Selu, only of Add" in str(caught.value)


def test_what_depends_on_the_batch_is_refused():
    made = model(
        ("Shape", "x", "s", {"start": 0, "end": 1}),
        ("Gather", "x s", "y", {"axis": 2}),
        ("Flatten", "y", "z", {}),
    )
    with pytest.raises(ExportError, match="takes s, which depends on the batch"):
        tflite.write(made)
