"""What is done to ONNX graphs without running them: cleaned, named, given their normalisation."""

from collections.abc import Iterator
from typing import Any

import onnx
from onnx import helper, numpy_helper

from edge_runtime.bundle.preprocess import Preprocessing

OPSET = 18
_STANDARD = ("", "ai.onnx")
_IR_WITHOUT_INPUTS = 4
"""From this version on initializers need not be listed as inputs."""


def prepare(model: Any) -> Any:
    """Return a copy in the one shape that the rest relies on.

    Nothing in it tells of the machine it was made on; every node has a name of its own; constants
    are initializers, and initializers are no inputs (in files of IR version 3 they are both).
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    _lift_constants(copy.graph)
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


def _lift_constants(graph: Any) -> None:
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


def add_normalisation(model: Any, how: Preprocessing) -> Any:
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
"""The nodes that ``add_normalisation`` adds."""


CONVERSIONS = ("QuantizeLinear", "DequantizeLinear")
INTEGER = ("QLinear", "QGemm", "MatMulInteger", "ConvInteger", "DynamicQuantize")
"""How the names of operators start that compute in INT8."""


def quantized_operators(graph: Any) -> set[str]:
    """Return the types of operators that tell a graph to be quantized; none if it is not."""
    kinds = {node.op_type for node in graph.node}
    return {kind for kind in kinds if kind in CONVERSIONS or kind.startswith(INTEGER)}


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
