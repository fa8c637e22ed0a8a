"""TFLite files, written from an ONNX graph: FP32, or INT8 with quantize and dequantize nodes.

An operator computes in INT8 where all that it takes and all that takes its output is INT8, as the
graph's quantize and dequantize nodes say. The last layer of a static INT8 model has no such node
behind it: it computes in FP32 from its INT8 weights, so that no two logits tie.

graph.py           the ONNX graph as it is read: sizes, constants
gelu.py            a GELU that was taken apart, put together again
values.py          what a node gives, and the tensors that hold it in one layout or another
writer.py          goes through the graph
convolutions.py, products.py, pools.py, elementwise.py, shapes.py, normalisations.py
                   what writes which operators
windows.py         paddings
file.py            tensors, buffers and operators as a FlatBuffer
"""

from typing import Any

from cifarq_export.tflite import (
    convolutions,
    elementwise,
    normalisations,
    pools,
    products,
    shapes,
)
from cifarq_export.tflite.graph import Graph
from cifarq_export.tflite.writer import Writer
from edge_runtime.errors import ExportError

_WRITERS = {
    **convolutions.WRITERS,
    **elementwise.WRITERS,
    **normalisations.WRITERS,
    **pools.WRITERS,
    **products.WRITERS,
    **shapes.WRITERS,
    "DequantizeLinear": Writer.remember_integers,
    "QuantizeLinear": Writer.quantize,
}


def write(model: Any) -> bytes:
    """Return a TFLite file of an ONNX model; the same model gives the same bytes.

    Args:
        model: folded; its INT8, if it has any, is signed.

    Raises:
        ExportError: it has an operator that cannot be written.
    """
    graph = Graph(model)
    if unknown := sorted({node.kind for node in graph.nodes} - _WRITERS.keys()):
        known = ", ".join(sorted(_WRITERS.keys()))
        raise ExportError(
            f"no TFLite file can be written of the operator {unknown[0]}, only of {known}.",
            "Leave the format out with --format.",
        )
    return Writer(graph, _WRITERS).write()
