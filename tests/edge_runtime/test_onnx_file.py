"""ONNX files that keep weights elsewhere: found without the onnx package, and never run."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime import engines
from edge_runtime.documents.onnx_file import HOLDS, keeps_weights_elsewhere
from edge_runtime.errors import EngineError

onnx = pytest.importorskip("onnx")
helper = onnx.helper


def tensor(name="weight", *, elsewhere=False):
    found = onnx.numpy_helper.from_array(np.full((4, 2), 3, np.float32), name)
    if elsewhere:
        onnx.external_data_helper.set_external_data(found, "weights.bin", 0, 32)
        found.ClearField("raw_data")
    return found


def model(**changes):
    """A network of one layer."""
    initializers = changes.pop("initializer", [tensor()])
    graph = helper.make_graph(
        changes.pop("node", [helper.make_node("MatMul", ["x", "weight"], ["y"])]),
        "graph",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["N", 2])],
        initializers,
        **changes,
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8)


def in_place(where):
    """A model with a tensor that is elsewhere, at each place where a tensor may stand."""
    away = tensor("away", elsewhere=True)
    graph = helper.make_graph([], "inner", [], [], [away])
    sparse = onnx.SparseTensorProto(values=away, indices=away)
    if where in ("initializer", "sparse_initializer"):
        return model(**{where: [tensor(), away] if where == "initializer" else [sparse]})
    if where == "training":
        found = model()
        found.training_info.add().algorithm.CopyFrom(graph)
        return found
    value = {"t": away, "g": graph, "sparse_tensor": sparse}.get(where)
    several = {"tensors": away, "graphs": graph, "sparse_tensors": sparse, "function": away}
    attribute = onnx.AttributeProto(name="value")
    if value is not None:
        getattr(attribute, where).CopyFrom(value)
    else:
        getattr(attribute, where if where != "function" else "tensors").append(several[where])
    node = helper.make_node("Constant", [], ["y"])
    node.attribute.append(attribute)
    if where != "function":
        return model(node=[node])
    found = model()
    found.functions.add(name="f", node=[node])
    return found


PLACES = (
    *("initializer", "sparse_initializer", "training", "function"),
    *("t", "g", "sparse_tensor", "tensors", "graphs", "sparse_tensors"),
)


@pytest.mark.parametrize("where", PLACES)
def test_a_tensor_that_is_elsewhere_is_found_wherever_it_stands(where):
    content = in_place(where).SerializeToString()
    assert keeps_weights_elsewhere(content)
    assert not keeps_weights_elsewhere(content.replace(b"\x70\x01", b"\x70\x00"))


def test_the_messages_that_may_hold_tensors_are_those_of_onnx_itself():
    found, waiting = {}, [onnx.ModelProto.DESCRIPTOR]
    leads = {"TensorProto"}
    kinds = onnx.ModelProto.DESCRIPTOR.file.message_types_by_name
    while True:  # those that lead to a tensor, whatever the number of steps
        more = {
            name
            for name, kind in kinds.items()
            if any(f.message_type and f.message_type.name in leads for f in kind.fields)
        }
        if more <= leads:
            break
        leads |= more
    while waiting:
        kind = waiting.pop()
        inner = {f.number: f.message_type for f in kind.fields if f.message_type}
        found[kind.name] = {n: k.name for n, k in inner.items() if k.name in leads}
        waiting += [k for k in inner.values() if k.name in leads and k.name not in found]
    assert found == HOLDS


@given(st.binary(max_size=200))
def test_any_bytes_are_looked_through(content):
    assert keeps_weights_elsewhere(content) in (True, False)


@given(cut=st.integers(0, 200), place=st.integers(0, 199), byte=st.integers(0, 255))
def test_a_damaged_model_ends_the_search(cut, place, byte):
    content = bytearray(in_place("initializer").SerializeToString()[:cut])
    content[place : place + 1] = bytes([byte])
    keeps_weights_elsewhere(bytes(content))


def test_a_number_without_an_end_is_no_work():
    assert not keeps_weights_elsewhere(b"\xff" * 2**22)


def test_the_engine_refuses_it_although_its_weights_lie_in_the_current_folder(
    tmp_path, monkeypatch
):
    ort = pytest.importorskip("onnxruntime")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.bin").write_bytes(np.full((4, 2), 3, np.float32).tobytes())
    content = model(initializer=[tensor(elsewhere=True)]).SerializeToString()
    # ONNX Runtime itself answers from whatever lies there, unless one of its optimizers fails.
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(content, options)
    assert session.run(None, {"x": np.ones((1, 4), np.float32)})[0].tolist() == [[12, 12]]
    with pytest.raises(EngineError) as caught:
        engines.load("onnxruntime", content, "m.onnx")
    assert caught.value.what == "m.onnx has its weights in another file, which no hash covers."
    assert caught.value.remedy == "Export it again."


def test_the_engine_refuses_its_own_format_which_may_name_files_too(tmp_path):
    ort = pytest.importorskip("onnxruntime")
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "m.ort")
    options.add_session_config_entry("session.save_model_format", "ORT")
    ort.InferenceSession(model().SerializeToString(), options)
    content = (tmp_path / "m.ort").read_bytes()
    assert ort.InferenceSession(content)
    with pytest.raises(EngineError, match=r"refuses m\.ort"):
        engines.load("onnxruntime", content, "m.ort")
