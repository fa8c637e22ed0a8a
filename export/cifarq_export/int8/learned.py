"""Ranges that quantization-aware training learned, found again in the graph that is exported."""

from typing import Any

from cifarq.learned_ranges import INPUT, Ranges, place
from cifarq_export.int8 import onnx_graph, qdq
from cifarq_export.int8.static import Static
from edge_runtime.errors import ExportError

_SAME_RANGE = ("Flatten", "MaxPool", "Reshape")
"""Operators whose results are quantized as what they take is."""

_UNUSED = (0.0, 1.0)
"""For what is not quantized: of what is computed as one with a ReLU, ONNX Runtime wants a range."""


def static(model: Any, learned: Ranges, target: str) -> Static:
    """Return what static INT8 is made from, with learned ranges.

    Args:
        model: FP32, folded (see ``runtime.fold``).
        learned: by their places.
        target: the CPU class that it is quantized for.

    Raises:
        ExportError: a range has no tensor that is quantized, or one of these no range.
    """
    names = _name_places(model)
    ranges = {tensor: learned.get(name, _UNUSED) for tensor, name in names.items()}
    made = Static(model, ranges, target)
    nodes = made.quantize().graph.node
    quantized = {names[node.input[0]] for node in nodes if node.op_type == "QuantizeLinear"}
    if odd := sorted(quantized ^ learned.keys()):
        what = "has no range" if odd[0] in quantized else "is not quantized"
        raise ExportError(
            f"the learned ranges do not fit the exported graph: {odd[0]} {what} there.",
            "Train again with `cifarq train --qat` of this version.",
        )
    return made


def _name_places(model: Any) -> dict[str, str]:
    """Return the place of each value that depends on the input."""
    names = {model.graph.input[0].name: INPUT}
    layers = qdq.layers(model)
    for node in model.graph.node:
        inputs = [names[value] for value in node.input if value in names]
        if node.name in layers:
            name = layers[node.name]
        elif node.op_type in _SAME_RANGE or node.name in onnx_graph.NORMALISATION:
            name = inputs[0]
        else:
            name = place(node.op_type, inputs)
        names.update(dict.fromkeys(node.output, name))
    return names
