"""GELU, which most exporters take apart, as the one operator that it is."""

import math
from collections.abc import Iterator
from typing import Any

from onnx import helper, numpy_helper

from cifarq_export.int8 import onnx_graph

_OPSET = 20
"""The first one with Gelu."""


def fuse_gelu(model: Any) -> Any:
    """Return a model whose x (1 + erf(x / sqrt 2)) / 2 are Gelu nodes; as it is without any."""
    copy = onnx_graph.copy_model(model)
    graph = copy.graph
    found = False
    for node in [node for node in graph.node if node.op_type == "Erf"]:
        parts = _parts(graph, node)
        if parts is None:
            continue
        taken, last, rest = parts
        at = list(graph.node).index(last)
        made = helper.make_node("Gelu", [taken], [last.output[0]], last.name)
        graph.node.insert(at, made)
        for part in rest:
            graph.node.remove(part)
        found = True
    if found:
        names = {name for node in graph.node for name in node.output}
        for value in [value for value in graph.value_info if value.name not in names]:
            graph.value_info.remove(value)
        for entry in copy.opset_import:
            if entry.domain in ("", "ai.onnx"):
                entry.version = max(entry.version, _OPSET)
    return copy


def _parts(graph: Any, erf: Any) -> tuple[str, Any, list[Any]] | None:
    """Return what a GELU around an Erf takes, its last node and all of them; None if it is none."""
    numbers = {t.name: numpy_helper.to_array(t) for t in graph.initializer if len(t.dims) <= 1}
    makers = {name: node for node in graph.node for name in node.output}
    scaled = makers.get(erf.input[0])
    if scaled is None or not _is_scaled(scaled, numbers):
        return None
    taken = next(name for name in scaled.input if name not in numbers)
    nodes = [scaled, erf, *_following(graph, erf)]
    if len(nodes) != 5 or nodes[2].op_type != "Add" or not _has(nodes[2], numbers, 1.0):
        return None
    if {node.op_type for node in nodes[3:]} != {"Mul"}:
        return None
    others = [name for node in nodes[3:] for name in node.input if name not in nodes[2].output]
    others = [name for name in others if name != nodes[3].output[0]]
    halves = [name for name in others if name in numbers and _is(numbers[name], 0.5)]
    if sorted([taken, *halves]) != sorted(others) or len(halves) != 1:
        return None
    return taken, nodes[-1], nodes


def _following(graph: Any, node: Any) -> Iterator[Any]:
    """Yield the three nodes after one, as long as each is the only one that takes the last."""
    for _ in range(3):
        taking = [other for other in graph.node if node.output[0] in other.input]
        if len(taking) != 1:
            return
        (node,) = taking
        yield node


def _is_scaled(node: Any, numbers: dict[str, Any]) -> bool:
    root = math.sqrt(2)
    by = root if node.op_type == "Div" else 1 / root
    return node.op_type in ("Div", "Mul") and _has(node, numbers, by)


def _has(node: Any, numbers: dict[str, Any], number: float) -> bool:
    return any(name in numbers and _is(numbers[name], number) for name in node.input)


def _is(value: Any, number: float) -> bool:
    return value.size == 1 and math.isclose(float(value.reshape(-1)[0]), number, rel_tol=1e-5)
