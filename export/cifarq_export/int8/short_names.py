"""Short names for what is between the layers: in a small INT8 file names and shapes are a tenth."""

import re
import string
from typing import Any

from cifarq_export.int8 import onnx_graph

_WEIGHT = re.compile(r"\.weight(_quantized)?$")
_DIGITS = string.digits + string.ascii_lowercase


def shorten_names(model: Any) -> None:
    """Give the values of a quantized graph short names, in place.

    Inputs, outputs, weights and the nodes that compute keep theirs: layers are known by them.
    Shapes between nodes, which an engine infers, are let go of. A graph with inner graphs, which
    may name its values, is left as it is.
    """
    graph = model.graph
    if onnx_graph.has_inner_graphs(graph):
        return
    taken = {value.name for value in (*graph.input, *graph.output)} | {""}
    taken |= {t.name for t in graph.initializer if _WEIGHT.search(t.name)}
    names = dict.fromkeys(n for node in graph.node for n in (*node.input, *node.output))
    free = (name for name in map(_base36, range(len(taken) + len(names))) if name not in taken)
    short = {name: next(free) for name in names if name not in taken}
    for node in graph.node:
        node.input[:] = [short.get(name, name) for name in node.input]
        node.output[:] = [short.get(name, name) for name in node.output]
    for tensor in graph.initializer:
        tensor.name = short.get(tensor.name, tensor.name)
    del graph.value_info[:]
    computing = {node.name for node in graph.node if node.op_type not in onnx_graph.CONVERSIONS}
    for node in graph.node:
        if node.op_type in onnx_graph.CONVERSIONS and node.output[0] not in computing:
            node.name = node.output[0]


def _base36(number: int) -> str:
    head = _base36(number // 36 - 1) if number >= 36 else ""
    return head + _DIGITS[number % 36]
