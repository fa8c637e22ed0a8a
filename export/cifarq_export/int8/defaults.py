"""What ONNX assumes where a file says nothing is left out, which makes small INT8 files smaller.

Zero points of biases, which are 0, are as large as the biases themselves; and most attributes of
convolutions hold their default.
"""

from typing import Any

import onnx
from onnx import helper, numpy_helper

from cifarq_export.int8 import onnx_graph

_ASSUMED = {"dilations": 1, "strides": 1, "pads": 0}
"""What each number of these lists is where they are absent, for convolutions and pools."""


def omit_defaults(model: Any) -> None:
    """Take out of a quantized graph, in place, what does not change what it computes.

    A graph with inner graphs, which may name its values, is left as it is.

    Source: ONNX's Operators.md: DequantizeLinear, Conv and MaxPool.
    """
    if onnx_graph.has_inner_graphs(model.graph):
        return
    _omit_zero_points(model.graph)
    version = onnx_graph.opset(model)
    for node in model.graph.node:
        for attribute in list(node.attribute):
            if _is_assumed(node, attribute, version):
                node.attribute.remove(attribute)


def _omit_zero_points(graph: Any) -> None:
    """Omit those of biases: they are INT32, of which every zero point is 0.

    Those of weights stay: without them ONNX Runtime does not run a Gemm in INT8.
    """
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and len(node.input) == 3:
            values, zero_point = (tensors.get(node.input[at]) for at in (0, 2))
            if values is None or zero_point is None or values.data_type != onnx.TensorProto.INT32:
                continue
            if not numpy_helper.to_array(zero_point).any():
                del node.input[2]
    onnx_graph.drop_unused(graph)


def _is_assumed(node: Any, attribute: Any, version: int) -> bool:
    """Say whether an attribute holds what is assumed without it."""
    if node.domain not in ("", "ai.onnx"):
        return False
    value = helper.get_attribute_value(attribute)
    if node.op_type in ("Conv", "MaxPool") and attribute.name in _ASSUMED:
        return set(value) == {_ASSUMED[attribute.name]}
    if node.op_type == "Conv" and attribute.name == "kernel_shape":
        return True  # the weights have it
    schema = onnx.defs.get_schema(node.op_type, version, node.domain)
    known = schema.attributes.get(attribute.name)
    if known is None or not known.default_value.name:
        return False
    default = onnx.AttributeProto()
    default.CopyFrom(known.default_value)
    default.type = attribute.type
    return bool(default == attribute)
