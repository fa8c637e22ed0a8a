"""What an ONNX model takes is rewritten, and not what it answers: layout, element type, batch."""

from typing import Any

import onnx
from onnx import helper, numpy_helper

from cifarq_export.int8 import onnx_graph

_FROM_NCHW, _TO_NCHW = [0, 2, 3, 1], [0, 3, 1, 2]
_MOVES = ("Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity")
"""Operators that do the same with bytes as with floats."""


def take_nchw(model: Any) -> None:
    """Let a model of images (N, H, W, C) take (N, C, H, W), in place.

    It transposes them; where it transposed them back first, as TensorFlow's exporters let it, that
    is removed and nothing is added.
    """
    graph = model.graph
    entry = graph.input[0]
    inner = f"{entry.name}_nhwc"
    onnx_graph.rename(graph, entry.name, inner)
    axes = entry.type.tensor_type.shape.dim
    last = axes.pop(3)
    axes.insert(1, last)
    for node in [node for node in graph.node if inner in node.input]:
        if node.op_type == "Transpose" and onnx_graph.attribute(node, "perm") == _TO_NCHW:
            node.input[0] = entry.name
            onnx_graph.bypass(graph, node)
    if any(inner in node.input for node in graph.node):
        graph.node.insert(0, helper.make_node("Transpose", [entry.name], [inner], perm=_FROM_NCHW))


def take_float(model: Any) -> None:
    """Let a model of images in uint8 take the same numbers in float32, in place.

    The casts to float that they go through first are removed; where there are others, they are
    rounded and cast to uint8.
    """
    graph = model.graph
    entry = graph.input[0]
    entry.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    casts = _leading_casts(graph)
    if casts is not None:
        for cast in casts:
            onnx_graph.bypass(graph, cast)
        return
    rounded, inner = f"{entry.name}_rounded", f"{entry.name}_uint8"
    onnx_graph.rename(graph, entry.name, inner)
    to = onnx.TensorProto.UINT8
    graph.node.insert(0, helper.make_node("Cast", [rounded], [inner], to=to))
    graph.node.insert(0, helper.make_node("Round", [entry.name], [rounded]))


def _leading_casts(graph: Any) -> list[Any] | None:
    """Return the casts to float that the input goes through; None if it goes elsewhere too."""
    carried, casts = {graph.input[0].name}, []
    for node in graph.node:
        if carried.isdisjoint(node.input):
            continue
        if node.op_type in _MOVES:
            carried.update(node.output)
        elif node.op_type == "Cast" and onnx_graph.cast_type(node) == onnx.TensorProto.FLOAT:
            casts.append(node)
        else:
            return None
    return casts


def open_batch(model: Any, size: int) -> None:
    """Let a model of batches of ``size`` take others, in place: as far as its Reshapes decide that.

    Whether it computes the same with others has to be tried.
    """
    graph = model.graph
    for value in (graph.input[0], *graph.output):
        axes = value.type.tensor_type.shape.dim
        if axes and axes[0].dim_value == size:
            axes[0].dim_param = "N"
    shapes = {node.input[1] for node in graph.node if node.op_type == "Reshape"}
    for tensor in graph.initializer:
        if tensor.name not in shapes or tensor.dims[:] in ([], [0]):
            continue
        sizes = numpy_helper.to_array(tensor).copy()
        if sizes[0] == size:
            sizes[0] = 0 if -1 in sizes else -1  # as it came in, or what the others leave
            tensor.CopyFrom(numpy_helper.from_array(sizes, tensor.name))
