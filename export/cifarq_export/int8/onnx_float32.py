"""Float types other than FP32, made FP32: it computes at least what FP16 and BF16 store."""

from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from cifarq_export.int8 import onnx_graph

_OTHERS: dict[int, str] = {
    onnx.TensorProto.FLOAT16: "FP16",
    onnx.TensorProto.BFLOAT16: "BF16",
    onnx.TensorProto.DOUBLE: "FP64",
}
_TYPES = ("to", "dtype")
"""The attributes that hold an element type: Cast's, and that of what makes tensors."""


def make_float32(model: Any) -> tuple[str, ...]:
    """Turn every float of a model into FP32, in place.

    Weights, constants, inputs, outputs and casts; a cast that has nothing left to do is removed.

    Returns:
        The names of the other types that there were, sorted.
    """
    found: set[int] = set()
    for owner in onnx_graph.owners(model):
        for tensor in onnx_graph.tensors(owner):
            _convert(tensor, found)
        if isinstance(owner, onnx.ValueInfoProto):
            _retype(owner.type.tensor_type, "elem_type", found)
        elif isinstance(owner, onnx.NodeProto):
            for attribute in owner.attribute:
                if attribute.name in _TYPES:
                    _retype(attribute, "i", found)
    if found:
        _drop_idle_casts(model)
    return tuple(sorted(_OTHERS[kind] for kind in found))


def _convert(tensor: Any, found: set[int]) -> None:
    if tensor.data_type in _OTHERS:
        found.add(tensor.data_type)
        with np.errstate(over="ignore"):  # an FP64 number may be too large; infinite is refused
            values = numpy_helper.to_array(tensor).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def _retype(owner: Any, field: str, found: set[int]) -> None:
    if (kind := getattr(owner, field)) in _OTHERS:
        found.add(kind)
        setattr(owner, field, onnx.TensorProto.FLOAT)


def _drop_idle_casts(model: Any) -> None:
    inferred = onnx.shape_inference.infer_shapes(model).graph
    kinds = {v.name: v.type.tensor_type.elem_type for v in (*inferred.input, *inferred.value_info)}
    kinds |= {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    for node in [node for node in model.graph.node if node.op_type == "Cast"]:
        if kinds.get(node.input[0]) == onnx_graph.cast_type(node):
            onnx_graph.bypass(model.graph, node)
