"""HardSwish and HardSigmoid as operators that ONNX Runtime has INT8 kernels for.

    HardSigmoid(x) = Clip(x + 3, 0, 6) / 6        HardSwish(x) = x HardSigmoid(x)

The sum is one INT8 kernel, which clips without cost; the division is a matter of the scale alone
(``factors.py``).
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from onnx import helper, numpy_helper

from cifarq_export.int8 import onnx_graph

_SLOPE, _MIDDLE = 1 / 6, 0.5
_CONSTANTS = {"hard_3": 3.0, "hard_0": 0.0, "hard_6": 6.0, "hard_sixth": _SLOPE}


def expand_hard(model: Any) -> Any:
    """Return a model without HardSwish and HardSigmoid nodes; as it is if it has none.

    A HardSigmoid of another slope than 1/6 stays.
    """
    copy = onnx_graph.copy_model(model)
    nodes = [part for node in copy.graph.node for part in _parts(node)]
    if len(nodes) == len(copy.graph.node):
        return copy
    del copy.graph.node[:]
    copy.graph.node.extend(nodes)
    copy.graph.initializer.extend(
        numpy_helper.from_array(np.array(number, np.float32), name)
        for name, number in _CONSTANTS.items()
    )
    return copy


def _parts(node: Any) -> Iterator[Any]:
    kept = type(node).FromString(node.SerializeToString())
    if node.op_type == "HardSwish":
        given, made, name = node.input[0], node.output[0], node.name
        yield from _sigmoid(given, f"{made}_gate", name)
        yield helper.make_node("Mul", [given, f"{made}_gate"], [made], name)
    elif node.op_type == "HardSigmoid" and _is_usual(node):
        yield from _sigmoid(node.input[0], node.output[0], node.name)
    else:
        yield kept


def _sigmoid(given: str, made: str, name: str) -> Iterator[Any]:
    sum_, clipped = f"{made}_sum", f"{made}_clipped"
    yield helper.make_node("Add", [given, "hard_3"], [sum_], f"{name}_sum")
    yield helper.make_node("Clip", [sum_, "hard_0", "hard_6"], [clipped], f"{name}_clip")
    yield helper.make_node("Mul", [clipped, "hard_sixth"], [made], f"{name}_sixth")


def _is_usual(node: Any) -> bool:
    slope, middle = (onnx_graph.attribute(node, name) for name in ("alpha", "beta"))
    return (
        slope is not None
        and math.isclose(slope, _SLOPE, rel_tol=1e-4)
        and (middle is None or math.isclose(middle, _MIDDLE))
    )
