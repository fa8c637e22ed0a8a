"""Half of a quantization, as an experiment of ``recovery.py``: what the other half costs.

With FP32 weights and INT8 activations no better rounding of weights (AdaRound, GPTQ) can win more;
with INT8 weights and FP32 activations no better ranges can.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def fp32_weights(quantized: Any, base: Any) -> Any:
    """Return a static INT8 model with its layers' weights and biases as they were."""
    from cifarq_export.int8 import onnx_graph

    copy = onnx_graph.copy_model(quantized)
    before = {node.name: node for node in base.graph.node}
    tensors = {tensor.name: tensor for tensor in base.graph.initializer}
    added: set[str] = set()
    for node in copy.graph.node:
        if node.op_type not in ("Conv", "Gemm") or node.name not in before:
            continue
        for i, name in enumerate(before[node.name].input):
            if name in tensors:
                node.input[i] = f"{name}_fp32"
                if name not in added:
                    copy.graph.initializer.add().CopyFrom(tensors[name])
                    copy.graph.initializer[-1].name = node.input[i]
                    added.add(name)
    return copy


def fp32_activations(quantized: Any, base: Any) -> Any:
    """Return an FP32 model with the weights and biases that a static INT8 model has."""
    from onnx import numpy_helper

    from cifarq_export.int8 import onnx_graph

    copy = onnx_graph.copy_model(base)
    rounded = {node.name: node for node in quantized.graph.node}
    makers = {output: node for node in quantized.graph.node for output in node.output}
    stored = {t.name: numpy_helper.to_array(t) for t in quantized.graph.initializer}
    for node in copy.graph.node:
        if node.op_type not in ("Conv", "Gemm"):
            continue
        for i, name in enumerate(rounded[node.name].input[1:], start=1):
            if (maker := makers.get(name)) is not None and maker.input[0] in stored:
                value = _dequantize(maker, stored)
                node.input[i] = f"{node.input[i]}_rounded"
                copy.graph.initializer.append(numpy_helper.from_array(value, node.input[i]))
    return copy


def _dequantize(node: Any, stored: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    """Return what a DequantizeLinear node makes of stored integers."""
    values, scale, zero = (stored[name] for name in node.input[:3])
    axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
    if scale.ndim:
        shape = [-1 if i == axis else 1 for i in range(values.ndim)]
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    return np.asarray((values.astype(np.float64) - zero) * scale, np.float32)
