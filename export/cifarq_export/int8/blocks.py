"""Blocks: an operator without an INT8 kernel, and what lies around it up to the next layers.

In INT8 such a block is entered and left by conversions; all of it in FP32 needs them at its ends
alone.
"""

from collections import defaultdict
from typing import Any

from cifarq_export.int8 import qdq

_MERGES = ("Add", "Concat", "Split")
"""Where branches meet: a block ends there, or a residual network would be one block."""


def around(model: Any, kind: str) -> list[tuple[str, ...]]:
    """Return the nodes of each block around operators of a kind; no two blocks share a node.

    Args:
        model: FP32, folded (see ``runtime.fold``).
        kind: a type of operator.
    """
    beside = _neighbours(model)
    layers = qdq.layers(model)
    order = {node.name: i for i, node in enumerate(model.graph.node)}
    blocks: list[set[str]] = []
    for node in model.graph.node:
        if node.op_type == kind:
            block = _grow(node.name, beside, layers)
            for other in [other for other in blocks if other & block]:
                blocks.remove(other)
                block |= other
            blocks.append(block)
    return [tuple(sorted(block, key=order.__getitem__)) for block in blocks]


def _grow(start: str, beside: dict[str, set[str]], layers: dict[str, str]) -> set[str]:
    block, waiting = {start}, [start]
    while waiting:
        name = waiting.pop()
        if name not in layers:  # a layer is the block's end
            new = beside[name] - block
            block |= new
            waiting += new
    return block


def _neighbours(model: Any) -> dict[str, set[str]]:
    """Return, for each node, those that give it a value or take its own; merges are left out."""
    nodes = [node for node in model.graph.node if node.op_type not in _MERGES]
    makers = {output: node.name for node in nodes for output in node.output}
    beside: dict[str, set[str]] = defaultdict(set)
    for node in nodes:
        for value in node.input:
            if maker := makers.get(value):
                beside[node.name].add(maker)
                beside[maker].add(node.name)
    return beside
