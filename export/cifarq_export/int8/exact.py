"""A quantized model in arithmetic that saturates on no CPU.

x86 CPUs without VNNI multiply unsigned activations by signed weights in pairs, and sum each pair in
16 bits, which saturates. Of two unsigned factors ONNX Runtime sums the products in 32 bits on every
CPU. So the same integers are stored unsigned, their zero points moved along: what is computed is
what ONNX defines, and what VNNI and Arm compute from the file as it is, to the bit.

Source: ONNX Runtime, "Quantize ONNX models" (U8U8, and when to use reduce_range).
"""

from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from cifarq_export.int8 import onnx_graph

_OFFSET = 128
_SIGNED_INPUTS = {
    # Where an operator's quantized weights and zero points stand.
    "QuantizeLinear": (2,),
    "DequantizeLinear": (0, 2),
    "MatMulInteger": (1, 3),
    "ConvInteger": (1, 3),
}


def make_unsigned(model: Any) -> Any:
    """Return a copy of a quantized model that computes the same from unsigned 8-bit integers.

    Args:
        model: as ``qdq.quantize`` or ONNX Runtime's ``quantize_dynamic`` makes it: every zero point
            is an initializer.
    """
    copy = onnx_graph.copy_model(model)
    names = {
        node.input[at]
        for node in copy.graph.node
        for at in _SIGNED_INPUTS.get(node.op_type, ())
        if at < len(node.input)
    }
    for tensor in copy.graph.initializer:
        if tensor.name in names and tensor.data_type == onnx.TensorProto.INT8:
            moved = numpy_helper.to_array(tensor).astype(np.int16) + _OFFSET
            tensor.CopyFrom(numpy_helper.from_array(moved.astype(np.uint8), tensor.name))
    return copy
