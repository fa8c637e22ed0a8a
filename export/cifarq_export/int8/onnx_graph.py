"""What is done to ONNX graphs without running them: cleaned, edited, given their normalisation."""

import graphlib
from collections.abc import Iterator
from typing import Any

import onnx
from onnx import helper, numpy_helper

from edge_runtime.bundle.preprocess import Preprocessing

OPSET = 18
_STANDARD = ("", "ai.onnx")
_IR_WITHOUT_INPUTS = 4
"""From this version on initializers need not be listed as inputs."""


def copy_model(model: Any) -> Any:
    """Return a copy of a model that can be changed."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


def prepare(model: Any) -> Any:
    """Return a copy in the one shape that the rest relies on.

    Nothing in it tells of the machine it was made on; every node has a name of its own; constants
    are initializers, and initializers are no inputs (in files of IR version 3 they are both).
    """
    copy = copy_model(model)
    _lift_constants(copy.graph)
    weights = {tensor.name for tensor in copy.graph.initializer}
    for value in [value for value in copy.graph.input if value.name in weights]:
        copy.graph.input.remove(value)
    copy.ir_version = max(copy.ir_version, _IR_WITHOUT_INPUTS)
    for owner in owners(copy):
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


def has_inner_graphs(graph: Any) -> bool:
    """Say whether a node holds graphs of its own, as Loop and If do."""
    return any(a.g.ByteSize() or a.graphs for node in graph.node for a in node.attribute)


def input_sizes(entry: Any) -> list[int]:
    """Return the sizes of an input's axes; 0 where the file leaves one open (some write -1)."""
    return [max(axis.dim_value, 0) for axis in entry.type.tensor_type.shape.dim]


def fix_batch(model: Any, size: int) -> Any:
    """Return a copy that takes a batch of one size."""
    copy = copy_model(model)
    copy.graph.input[0].type.tensor_type.shape.dim[0].dim_value = size
    return copy


def attribute(node: Any, name: str) -> Any:
    """Return the value of a node's attribute; None if it has none of that name."""
    found = (entry for entry in node.attribute if entry.name == name)
    return next((helper.get_attribute_value(entry) for entry in found), None)


def cast_type(node: Any) -> Any:
    """Return the element type that a Cast makes."""
    return attribute(node, "to")


def sort_nodes(graph: Any) -> None:
    """Put each node after those that make what it takes, in place; as they are if they do already.

    ONNX wants that, ONNX Runtime does not, and its converter to FP16 does not do it.

    Raises:
        CycleError: there is no such order.
    """
    maker = {name: i for i, node in enumerate(graph.node) for name in node.output if name}
    needs = {i: {maker[n] for n in _taken(node) if n in maker} for i, node in enumerate(graph.node)}
    if all(before < i for i, others in needs.items() for before in others):
        return
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes[i] for i in graphlib.TopologicalSorter(needs).static_order())


def _taken(node: Any) -> Iterator[str]:
    """Yield what a node takes, its inner graphs included."""
    yield from node.input
    for entry in node.attribute:
        for inner in (entry.g, *entry.graphs):
            for other in inner.node:
                yield from _taken(other)


def rename(graph: Any, old: str, new: str) -> None:
    """Give a value another name in all nodes that make or take it."""
    for node in (owner for owner in _graph_owners(graph) if isinstance(owner, onnx.NodeProto)):
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                if name == old:
                    names[i] = new


def bypass(graph: Any, node: Any) -> None:
    """Remove a node and let its first input pass; it stays where it joins the graph's own ends."""
    given, made = node.input[0], node.output[0]
    outputs = {value.name for value in graph.output}
    if made not in outputs:
        graph.node.remove(node)
        rename(graph, made, given)
    elif given not in outputs and any(given in other.output for other in graph.node):
        graph.node.remove(node)
        rename(graph, given, made)


def drop_unused(graph: Any) -> None:
    """Take out the nodes and constants that nothing takes anything of, in place.

    A graph with inner graphs, which may name its values, has to be left as it is.
    """
    ends = {value.name for value in graph.output}
    while True:
        used = ends | {name for node in graph.node for name in node.input}
        idle = [node for node in graph.node if used.isdisjoint(node.output)]
        for node in idle:
            graph.node.remove(node)
        if not idle:
            break
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def opset(model: Any) -> int:
    """Return the version of the standard operators that a model uses."""
    return max((int(o.version) for o in model.opset_import if o.domain in _STANDARD), default=0)


def add_normalisation(model: Any, how: Preprocessing) -> Any:
    """Return a model that takes raw bytes (N, C, H, W) uint8 and normalises them itself.

    In FP32. For a model that did so from the start they are only cast.
    """
    copy = copy_model(model)
    graph = copy.graph
    entry = graph.input[0]
    name = entry.name
    inner = f"{name}_normalised"
    factor, offset = how.factor_and_offset()
    constants = {"normalise_factor": factor[None], "normalise_offset": offset[None]}
    rename(graph, name, inner)
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
    if (factor == 1).all() and not offset.any():
        nodes, constants = nodes[:1], {}
        nodes[0].output[0] = inner
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


def owners(model: Any) -> Iterator[Any]:
    """Yield a model and all its graphs, values, tensors and nodes, the inner graphs' too."""
    yield model
    yield from _graph_owners(model.graph)
    for function in model.functions:
        yield function
        yield from function.node


def tensors(owner: Any) -> list[Any]:
    """Return the tensors of what ``owners`` yields: itself, or those that a node holds."""
    if isinstance(owner, onnx.TensorProto):
        return [owner]
    if isinstance(owner, onnx.NodeProto):
        return [one for a in owner.attribute for one in (a.t, *a.tensors) if one.ByteSize()]
    return []


def _graph_owners(graph: Any) -> Iterator[Any]:
    yield graph
    yield from (*graph.input, *graph.output, *graph.value_info, *graph.initializer)
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                if inner.ByteSize():
                    yield from _graph_owners(inner)
