"""Cross-layer equalization, as an experiment of ``recovery.py``: not in the product.

Where two layers follow each other with nothing or ReLU between them, a channel's output of the
first can be divided by a positive number and its input of the second multiplied by it: the same
function, with weights that are easier to quantize.

Source: Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019,
section 4.1. Clip (ReLU6) is taken for ReLU there, which changes the function; here it is left.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper

_ITERATIONS = 10  # the scales of three layers in a row depend on each other


def equalize(model: Any) -> tuple[Any, int]:
    """Return a copy of a folded FP32 model with equalized layers, and how many pairs there are."""
    from cifarq_export.int8 import onnx_graph

    copy = onnx_graph.copy_model(model)
    weights = {t.name: numpy_helper.to_array(t).copy() for t in copy.graph.initializer}
    pairs = _pairs(copy, weights)
    for _ in range(_ITERATIONS):
        for first, second in pairs:
            _equalize(first, second, weights)
    for tensor in copy.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(weights[tensor.name], tensor.name))
    return copy, len(pairs)


def _pairs(model: Any, weights: dict[str, NDArray[Any]]) -> list[tuple[Any, Any]]:
    """Return the convolutions that follow each other, each feeding the next alone."""
    readers: dict[str, list[Any]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    pairs = []
    for first in model.graph.node:
        if first.op_type != "Conv":
            continue
        following = readers.get(first.output[0], [])
        if len(following) == 1 and following[0].op_type == "Relu":
            following = readers.get(following[0].output[0], [])
        if len(following) == 1 and _takes_channels(following[0], first, weights):
            pairs.append((first, following[0]))
    return pairs


def _takes_channels(second: Any, first: Any, weights: dict[str, NDArray[Any]]) -> bool:
    """Say whether a layer is a plain or depthwise convolution of the first one's channels."""
    if second.op_type != "Conv":
        return False
    channels, groups = len(weights[first.input[1]]), _groups(second)
    return groups == 1 or (groups == channels == len(weights[second.input[1]]))


def _groups(node: Any) -> int:
    return next((int(a.i) for a in node.attribute if a.name == "group"), 1)


def _equalize(first: Any, second: Any, weights: dict[str, NDArray[Any]]) -> None:
    one, two = weights[first.input[1]], weights[second.input[1]]
    axes = (1, 2, 3) if _groups(second) > 1 else (0, 2, 3)
    large, other = np.abs(one).max((1, 2, 3)), np.abs(two).max(axes)
    used = (large > 0) & (other > 0)
    scale = np.where(used, np.sqrt(np.divide(large, other, where=used, out=large * 0 + 1)), 1)
    weights[first.input[1]] = (one / scale[:, None, None, None]).astype(np.float32)
    if len(first.input) > 2:
        weights[first.input[2]] = (weights[first.input[2]] / scale).astype(np.float32)
    shape = (-1, 1, 1, 1) if _groups(second) > 1 else (1, -1, 1, 1)
    weights[second.input[1]] = (two * scale.reshape(shape)).astype(np.float32)
