"""Biases that make good what the rounding of its weights takes from a layer's channels.

A layer is linear: what it loses on average is the difference of its weights, applied to its mean
input. So one pass of the FP32 model over images is enough, and no layer's correction depends on
another's.

Source: Nagel et al. 2019, Data-Free Quantization Through Weight Equalization and Bias Correction.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch.nn import functional

from cifarq_export.int8 import calibrate, onnx_graph, qdq


def correct_biases(model: Any, quantized: Any, batches: Iterable[NDArray[np.float32]]) -> Any:
    """Return a copy of an FP32 model whose layers, with their weights rounded, keep their means.

    Args:
        model: FP32, folded.
        quantized: the same in INT8.
        batches: of real images, as the model takes them.
    """
    copy = onnx_graph.copy_model(model)
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in copy.graph.initializer}
    codes = {t.name: numpy_helper.to_array(t) for t in quantized.graph.initializer}
    layers = qdq.layers(copy)
    nodes = [n for n in copy.graph.node if n.name in layers and n.op_type in ("Conv", "Gemm")]
    means = _mean_inputs(copy, nodes, batches)
    for node in nodes:
        lost = _lost(node, weights[node.input[1]], codes)
        before = weights[node.input[2]] if len(node.input) > 2 else 0
        bias = (before + _apply(node, lost, means[node.input[0]])).astype(np.float32)
        del node.input[2:]
        node.input.append(f"{node.name}_corrected_bias")
        copy.graph.initializer.append(numpy_helper.from_array(bias, node.input[2]))
    return copy


def _lost(node: Any, weight: NDArray[Any], codes: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """Return a layer's weights less those that its codes stand for, output channels first."""
    if node.op_type == "Gemm" and not _attributes(node).get("transB"):
        scale, turned = codes[f"{node.input[1]}_scale"][None], True
    else:
        scale = codes[f"{node.input[1]}_scale"].reshape(-1, *[1] * (weight.ndim - 1))
        turned = False
    lost = weight - codes[f"{node.input[1]}_quantized"] * scale
    return np.asarray(lost.T if turned else lost, dtype=np.float64)


def _apply(node: Any, weight: NDArray[Any], mean: NDArray[Any]) -> NDArray[Any]:
    """Return what weights make of a mean input: one number for each output channel."""
    if node.op_type == "Gemm":
        return np.asarray(weight @ mean)
    set_to = _attributes(node)
    top, left, bottom, right = set_to.get("pads", [0] * 4)
    made = functional.conv2d(
        functional.pad(torch.from_numpy(mean[None]), (left, right, top, bottom)),
        torch.from_numpy(weight),
        stride=set_to.get("strides", 1),
        dilation=set_to.get("dilations", 1),
        groups=set_to.get("group", 1),
    )
    return np.asarray(made.mean(dim=(0, 2, 3)).numpy())


def _attributes(node: Any) -> dict[str, Any]:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _mean_inputs(
    model: Any, nodes: list[Any], batches: Iterable[NDArray[np.float32]]
) -> dict[str, NDArray[np.float64]]:
    """Return the mean of each layer's input over images."""
    entry = model.graph.input[0].name
    names = list(dict.fromkeys(node.input[0] for node in nodes))
    tapped, outputs = calibrate.tap(model, names)
    sums: dict[str, Any] = dict.fromkeys(names, 0)
    count = 0
    for batch in batches:
        values = tapped.inner.run(outputs, {entry: batch})
        for name, value in zip(names, values, strict=True):
            sums[name] = sums[name] + value.sum(0, dtype=np.float64)
        count += len(batch)
    return {name: total / count for name, total in sums.items()}
