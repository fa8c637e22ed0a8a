"""ONNX files that nobody wrote to be used: refused in a line, in time, with nothing written."""

import os

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cifarq_export.sources import onnx_file, onnx_trial
from cifarq_export.sources.normalisation import Normalisation
from cifarq_export.sources.opening import open_source
from cifarq_export.sources.request import SourceRequest
from edge_runtime.errors import ExportError, ToolkitError

SAID = Normalisation(("test", (0.5,) * 3, (0.5,) * 3))
FLOAT = TensorProto.FLOAT


def weights(name, shape, seed=0):
    values = np.random.default_rng(seed).normal(0, 0.1, shape).astype(np.float32)
    return numpy_helper.from_array(values, name)


def write(path, *before, size=(3, 8, 8), batch="N", change=lambda model: None):
    """Write a classifier of 3 classes: a convolution, a mean, a matrix; nodes ``before`` them."""
    given = before[-1].output[0] if before else "image"
    nodes = [
        *before,
        helper.make_node("Conv", [given, "w"], ["c"], pads=[1] * 4),
        helper.make_node("GlobalAveragePool", ["c"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("MatMul", ["f", "m"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", FLOAT, [batch, *size])],
        [helper.make_tensor_value_info("scores", FLOAT, [batch, 3])],
        [weights("w", (4, 3, 3, 3)), weights("m", (4, 3), 1)],
    )
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    change(model)
    path.write_bytes(model.SerializeToString())
    return path


def loop(rounds):
    """A loop that adds nothing to the image, so many times."""
    state = [helper.make_tensor_value_info(name, FLOAT, None) for name in ("x", "y")]
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["goes"]),
            helper.make_node("Identity", ["x"], ["y"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            state[0],
        ],
        [helper.make_tensor_value_info("goes", TensorProto.BOOL, []), state[1]],
    )
    count = helper.make_node("Constant", [], ["n"], value_int=rounds)
    return count, helper.make_node("Loop", ["n", "", "image"], ["looped"], body=body)


def source(path):
    return onnx_file.source(path, ("a", "b", "c"), SAID)


def test_the_file_that_is_spoilt_below_is_a_model(tmp_path):
    batch = np.zeros((2, 3, 8, 8), np.float32)
    assert source(write(tmp_path / "m.onnx")).predict(batch).shape == (2, 3)
    onnx_trial.require_end(tmp_path / "m.onnx", 3, None, None)
    few = write(tmp_path / "loop.onnx", *loop(3))
    assert source(few).predict(batch).shape == (2, 3)


def test_a_file_that_is_refused_comes_to_an_end_too(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"no model")
    onnx_trial.require_end(tmp_path / "m.onnx", 3, None, None)
    onnx_trial.require_end(tmp_path / "absent.onnx", 3, None, None)


def test_a_loop_without_end_is_refused_in_time(tmp_path, monkeypatch):
    endless = write(tmp_path / "m.onnx", *loop(2**62))
    monkeypatch.setattr(onnx_trial, "_TIMEOUT_S", 5)
    with pytest.raises(ExportError, match=r"running it once gave no answer after 5 s\.$"):
        open_source(SourceRequest(onnx_file=endless, classes="a,b,c"))


def test_a_file_that_ends_the_process_that_opens_it_is_refused(tmp_path, monkeypatch):
    """With a stand-in for what crashes: an engine that ends its process when it is imported."""
    (tmp_path / "onnxruntime.py").write_text("import os\nos.kill(os.getpid(), 11)\n")
    before = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), before]))
    with pytest.raises(ExportError, match=r"m\.onnx ends the process that opens it: SIGSEGV\."):
        onnx_trial.require_end(write(tmp_path / "m.onnx"), 3, None, None)


def set_bytes(old, new):
    def change(model):
        content = model.SerializeToString()
        assert old in content and len(old) == len(new)
        model.CopyFrom(onnx.ModelProto.FromString(content.replace(old, new)))

    return change


def dims(*sizes):
    return lambda model: model.graph.initializer[0].dims.__setitem__(slice(None), sizes)


def of_type(number):
    return lambda model: setattr(model.graph.initializer[0], "data_type", number)


def input_dims(*sizes):
    def change(model):
        axes = model.graph.input[0].type.tensor_type.shape.dim
        for axis, size in zip(axes, sizes, strict=True):
            axis.dim_value = size

    return change


def input_type(number):
    return lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", number)


def constant(**value):
    def change(model):
        model.graph.node.insert(0, helper.make_node("Constant", [], ["k"], **value))
        model.graph.node.append(helper.make_node("Add", ["scores", "k"], ["sum"]))
        model.graph.output[0].name = "sum"

    return change


NAN = numpy_helper.from_array(np.array([np.nan], np.float32))
HALF_NAN = numpy_helper.from_array(np.array([np.nan], np.float16))
HOSTILE = {
    "a giant tensor": (dims(2**40, 3, 3, 3), "cannot be used|not a valid ONNX"),
    "a tensor beyond 2^63": (dims(2**40, 2**40, 3, 3), "cannot be used|not a valid ONNX"),
    "a negative tensor": (dims(-4, 3, 3, 3), "cannot be used|not a valid ONNX"),
    "an unknown type": (of_type(99), "cannot be used|not a valid ONNX"),
    "no type": (of_type(0), "cannot be used|not a valid ONNX"),
    "a type of complex numbers": (of_type(15), "cannot be used|not a valid ONNX|refuses"),
    "a giant input": (input_dims(2, 3, 2**31, 2**31), "its input image holds 27,670,116,110,564"),
    "a giant batch": (input_dims(2**40, 3, 8, 8), "its input image holds 211,106,232,532,992"),
    "an unknown type of input": (input_type(99), "cannot be used|not a valid ONNX"),
    "names that are not UTF-8": (set_bytes(b"image", b"im\xffge"), "UTF-8|utf-8"),
    "a constant that is NaN": (constant(value=NAN), "k holds values that are not finite"),
    "a constant that is NaN in FP16": (constant(value=HALF_NAN), "k holds values that are not"),
    "a number that is NaN": (constant(value_float=float("nan")), "value_float of the Constant"),
    "numbers that are NaN": (constant(value_floats=[0, float("nan")]), "value_floats of the Con"),
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_model_that_makes_no_sense_is_refused_in_a_line(tmp_path, hostile):
    change, said = HOSTILE[hostile]
    path = write(tmp_path / "m.onnx", change=change)
    with pytest.raises(ToolkitError, match=said) as refused:
        source(path)
    assert "\n" not in str(refused.value)


def test_weights_beside_a_model_are_taken_in_and_no_others(tmp_path):
    model = onnx.load(write(tmp_path / "m.onnx"))
    onnx.save(model, tmp_path / "n.onnx", save_as_external_data=True, location="w.bin",
              size_threshold=0)  # fmt: skip
    batch = np.ones((1, 3, 8, 8), np.float32)
    found = source(tmp_path / "n.onnx").predict(batch)
    np.testing.assert_array_equal(found, source(tmp_path / "m.onnx").predict(batch))
    (tmp_path / "w.bin").unlink()
    with pytest.raises(ExportError, match=r"w\.bin, which is absent"):
        source(tmp_path / "n.onnx")
    os.mkfifo(tmp_path / "w.bin")
    with pytest.raises(ExportError, match="cannot read it: not a regular file"):
        source(tmp_path / "n.onnx")


def test_an_infinite_constant_may_bound_nothing(tmp_path):
    highest = helper.make_node("Constant", [], ["most"], value_float=float("inf"))
    lowest = helper.make_node("Constant", [], ["least"], value_float=0.0)
    clip = helper.make_node("Clip", ["image", "least", "most"], ["clipped"])
    path = write(tmp_path / "m.onnx", lowest, highest, clip)
    assert source(path).predict(np.zeros((2, 3, 8, 8), np.float32)).shape == (2, 3)
