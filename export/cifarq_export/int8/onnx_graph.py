"""What is done to ONNX graphs: cleaned, named, folded, given their normalisation, opened."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
from onnx import helper, numpy_helper

from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.engines.onnxruntime import OrtSession, open_session
from edge_runtime.errors import EngineError, ExportError, reason

OPSET = 18
_STANDARD = ("", "ai.onnx")
_IR_WITHOUT_INPUTS = 4
"""From this version on initializers need not be listed as inputs."""

BASIC = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
"""Folds constants and batch norms; the graph stays standard ONNX."""
EXTENDED = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
"""Fuses quantized operators too; weights keep their shapes."""
ALL = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
"""What a device runs: layouts are changed as well."""


class _Opened:
    """A session on one thread whose errors name the model."""

    def __init__(self, session: OrtSession, name: str) -> None:
        self._session = session
        self._name = name
        self.inner = session.inner

    def run(self, batch: Any) -> Any:
        try:
            return self._session.run(batch)
        except Exception as error:  # its exceptions share no base class of their own
            raise EngineError(f"ONNX Runtime cannot run {self._name}: {reason(error)}") from error


def session(model: Any, name: str, options: Any = None) -> _Opened:
    """Open a model in ONNX Runtime, on one thread: the same sums in the same order everywhere.

    Args:
        model: a ``ModelProto``, or the path of a file.
        name: what to call it if it is refused.
        options: ``SessionOptions``, if others than the default ones.

    Raises:
        EngineError: ONNX Runtime refuses it: an unsupported operator, for instance.
    """
    content = model if isinstance(model, Path) else model.SerializeToString()
    return _Opened(open_session(content, name, options=options), name)


def optimised(model: Any, level: Any, scratch: Path) -> Any:
    """Return the graph that ONNX Runtime makes of a model at an optimisation level."""
    path = scratch / "optimised.onnx"
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.optimized_model_filepath = str(path)
    session(model, "the model", options)
    try:
        found = onnx.load(path)
    except OSError as error:
        raise ExportError(f"ONNX Runtime could not write to {scratch}: {error}") from error
    path.unlink()
    return found


def folded(model: Any, scratch: Path) -> Any:
    """Return a model ready to be quantized: batch norms and constants folded, means as pools."""
    return _pooled(prepared(optimised(model, BASIC, scratch)))


def _pooled(model: Any) -> Any:
    """Turn means over height and width into GlobalAveragePool, which has an INT8 kernel."""
    inferred = onnx.shape_inference.infer_shapes(model).graph
    ranks = {v.name: len(v.type.tensor_type.shape.dim) for v in inferred.value_info}
    constants = {t.name: t for t in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type != "ReduceMean" or ranks.get(node.input[0]) != 4:
            continue
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        axes = attributes.get("axes", ())
        if len(node.input) > 1 and node.input[1] in constants:
            axes = numpy_helper.to_array(constants[node.input[1]])
        if sorted(int(axis) % 4 for axis in axes) == [2, 3] and attributes.get("keepdims", 1):
            node.op_type = "GlobalAveragePool"
            node.ClearField("attribute")
            del node.input[1:]
    return model


def prepared(model: Any) -> Any:
    """Return a copy in the one shape that the rest relies on.

    Nothing in it tells of the machine it was made on; every node has a name of its own; constants
    are initializers, and initializers are no inputs (in files of IR version 3 they are both).
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    _constants_as_initializers(copy.graph)
    weights = {tensor.name for tensor in copy.graph.initializer}
    for value in [value for value in copy.graph.input if value.name in weights]:
        copy.graph.input.remove(value)
    copy.ir_version = max(copy.ir_version, _IR_WITHOUT_INPUTS)
    for owner in _owners(copy):
        owner.ClearField("metadata_props")
        owner.ClearField("doc_string")
    used = {node.domain for node in copy.graph.node} | set(_STANDARD)
    used |= {node.domain for function in copy.functions for node in function.node}
    for entry in [o for o in copy.opset_import if o.domain not in used]:
        copy.opset_import.remove(entry)
    taken: set[str] = set()
    for i, node in enumerate(copy.graph.node):
        node.name = _free(node.name or f"{node.op_type}_{i}", taken)
    return copy


def _constants_as_initializers(graph: Any) -> None:
    for node in [node for node in graph.node if node.op_type == "Constant"]:
        for attribute in node.attribute:
            if attribute.name == "value":
                attribute.t.name = node.output[0]
                graph.initializer.append(attribute.t)
                graph.node.remove(node)


def input_sizes(entry: Any) -> list[int]:
    """Return the sizes of an input's axes; 0 where the file leaves one open (some write -1)."""
    return [max(axis.dim_value, 0) for axis in entry.type.tensor_type.shape.dim]


def opset(model: Any) -> int:
    """Return the version of the standard operators that a model uses."""
    return max((int(o.version) for o in model.opset_import if o.domain in _STANDARD), default=0)


def with_normalisation(model: Any, how: Preprocessing) -> Any:
    """Return a model that takes raw bytes (N, C, H, W) uint8 and normalises them itself.

    In FP32.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    entry = graph.input[0]
    name = entry.name
    inner = f"{name}_normalised"
    factor, offset = how.factor_and_offset()
    constants = {"normalise_factor": factor[None], "normalise_offset": offset[None]}
    for node in graph.node:
        for i, value in enumerate(node.input):
            if value == name:
                node.input[i] = inner
    entry.type.tensor_type.elem_type = onnx.TensorProto.UINT8
    nodes = [
        helper.make_node(
            "Cast", [name], ["normalise_float"], "normalise_cast", to=onnx.TensorProto.FLOAT
        ),
        helper.make_node(
            "Mul", ["normalise_float", "normalise_factor"], ["normalise_scaled"], "normalise_mul"
        ),
        helper.make_node("Add", ["normalise_scaled", "normalise_offset"], [inner], "normalise_add"),
    ]
    graph.initializer.extend(numpy_helper.from_array(v, n) for n, v in constants.items())
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *rest])
    return copy


NORMALISATION = ("normalise_cast", "normalise_mul", "normalise_add")
"""The nodes that ``with_normalisation`` adds."""


def quantize_nodes_between(model: Any, scratch: Path) -> int:
    """Count QuantizeLinear and DequantizeLinear nodes that are left between two integer kernels.

    In the graph that ONNX Runtime runs: each is a pass over an activation that fusing should have
    removed. One after the input or before the output is no such node.
    """
    nodes = list(optimised(model, ALL, scratch).graph.node)
    after, before = _tainted(nodes), _tainted(nodes, backwards=True)
    return sum(
        node.op_type in CONVERSIONS and node.name in after and node.name in before for node in nodes
    )


CONVERSIONS = ("QuantizeLinear", "DequantizeLinear")
INTEGER = ("QLinear", "QGemm", "MatMulInteger", "ConvInteger", "DynamicQuantize")
"""How the names of operators start that compute in INT8."""


def quantized_operators(graph: Any) -> set[str]:
    """Return the types of operators that tell a graph to be quantized; none if it is not."""
    kinds = {node.op_type for node in graph.node}
    return {kind for kind in kinds if kind in CONVERSIONS or kind.startswith(INTEGER)}


def _tainted(nodes: list[Any], *, backwards: bool = False) -> set[str]:
    """Return the nodes that come after an integer operator, or before one."""
    values: set[str] = set()
    found: set[str] = set()
    for node in reversed(nodes) if backwards else nodes:
        given, passed_on = (node.output, node.input) if backwards else (node.input, node.output)
        touched = not values.isdisjoint(name for name in given if name)
        if touched:
            found.add(node.name)
        if touched or node.op_type.startswith(INTEGER):
            values.update(name for name in passed_on if name)
    return found


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _owners(model: Any) -> Iterator[Any]:
    yield model
    yield from _graph_owners(model.graph)
    for function in model.functions:
        yield function
        yield from function.node


def _graph_owners(graph: Any) -> Iterator[Any]:
    yield graph
    yield from (*graph.input, *graph.output, *graph.value_info, *graph.initializer)
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                if inner.ByteSize():
                    yield from _graph_owners(inner)
