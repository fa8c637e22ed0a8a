"""Products with one number: of quantized values the scale takes it in, without arithmetic."""

from typing import Any

from onnx import numpy_helper

from cifarq_export.int8 import onnx_graph


def fold_factors(model: Any) -> Any:
    """Return a QDQ model in which DQ, Mul by a positive number, Q, DQ are one DQ.

    The integers of what is multiplied mean the product, by another scale.
    """
    copy = onnx_graph.copy_model(model)
    graph = copy.graph
    makers = {name: node for node in graph.node for name in node.output}
    for node in [node for node in graph.node if node.op_type == "Mul"]:
        given = [makers.get(name) for name in node.input]
        factors = [_number(graph, one) for one in given]
        if None not in given and sum(factor is not None for factor in factors) == 1:
            at = factors.index(next(factor for factor in factors if factor is not None))
            _fold(graph, node, given[1 - at], factors[at])
    if not onnx_graph.has_inner_graphs(graph):
        onnx_graph.drop_unused(graph)
    return onnx_graph.prepare(copy)


def _fold(graph: Any, product: Any, dequantized: Any, factor: Any) -> None:
    """Take one product out, where what gives and takes it is quantized for a whole tensor."""
    if dequantized.op_type != "DequantizeLinear" or product.output[0] in _outputs(graph):
        return
    taking = _taking(graph, product.output[0])
    if len(taking) != 1 or taking[0].op_type != "QuantizeLinear":
        return
    after = _taking(graph, taking[0].output[0])
    scale = _tensor(graph, dequantized.input[1])
    if scale is None or scale.size != 1 or any(n.op_type != "DequantizeLinear" for n in after):
        return
    name = f"{product.output[0]}_scale_of_product"
    graph.initializer.append(numpy_helper.from_array(scale * factor, name))
    for node in after:
        node.input[0] = dequantized.input[0]
        node.input[1] = name
        if len(dequantized.input) > 2:
            node.input[2] = dequantized.input[2]
    graph.node.remove(product)
    graph.node.remove(taking[0])


def _number(graph: Any, node: Any) -> Any:
    """Return the positive number that a node dequantizes; None if it gives anything else."""
    if node is None or node.op_type != "DequantizeLinear":
        return None
    parts = [_tensor(graph, name) for name in node.input]
    if any(part is None or part.size != 1 for part in parts):
        return None
    integer, scale, *point = parts
    zero = point[0].astype("int32") if point else 0
    number = ((integer.astype("int32") - zero) * scale).reshape(()).astype("float32")
    return number if number > 0 else None


def _tensor(graph: Any, name: str) -> Any:
    found = (t for t in graph.initializer if t.name == name)
    return next((numpy_helper.to_array(tensor) for tensor in found), None)


def _taking(graph: Any, name: str) -> list[Any]:
    return [node for node in graph.node if name in node.input]


def _outputs(graph: Any) -> set[str]:
    return {value.name for value in graph.output}
