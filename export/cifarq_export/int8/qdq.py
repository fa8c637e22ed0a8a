"""Static INT8: quantize and dequantize nodes around what a target's kernels compute in integers.

Weights per channel and symmetric, activations per tensor. What types they have depends on how the
target's CPU multiplies; the graph is the same.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import QuantType
from onnxruntime.quantization.calibrate import CalibrationMethod, TensorData, TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from cifarq_export.int8 import onnx_graph
from cifarq_export.int8.calibrate import Ranges
from cifarq_export.int8.factors import fold_factors
from edge_runtime.errors import ExportError, reason
from edge_runtime.probes import target as targets

OPERATORS = (
    "Add",
    "AveragePool",
    "Clip",
    "Concat",
    "Conv",
    "Flatten",
    "Gemm",
    "GlobalAveragePool",
    "LeakyRelu",
    "MatMul",
    "MaxPool",
    "Mul",
    "Relu",
    "Reshape",
    "Sigmoid",
    "Slice",
    "Split",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
)
"""What ONNX Runtime's CPU engine has INT8 kernels for, as classifiers use it. Softmax is left out:
its answers would be steps of 1/256."""


@dataclass(frozen=True)
class Kernels:
    """What an engine computes in INT8.

    Attributes:
        operators: their types.
        rescale: whether integers may be read by another scale than they were written by, which
            takes a product with one number without arithmetic.
    """

    operators: tuple[str, ...] = OPERATORS
    rescale: bool = True


ONNX_RUNTIME = Kernels()

WEIGHTED = ("Conv", "Gemm", "MatMul")
"""The operators whose weights are quantized: what a layer is, where layers are counted."""


ACTIVATIONS = {
    targets.X86_VNNI: QuantType.QUInt8,
    targets.X86: QuantType.QUInt8,
    targets.ARM64: QuantType.QInt8,
}
"""Their type for a target; weights are signed everywhere."""

_LARGEST = 127


def quantize(
    model: Any,
    ranges: Ranges,
    target: str,
    *,
    keep_fp32: tuple[str, ...] = (),
    faster_fp32: tuple[str, ...] = (),
    only: str | None = None,
    kernels: Kernels = ONNX_RUNTIME,
) -> Any:
    """Return a static INT8 model.

    Args:
        model: FP32, folded (see ``runtime.fold``).
        ranges: of its activations.
        target: a name in ``edge_runtime.probes.target``.
        keep_fp32: names of nodes that stay FP32 for their accuracy.
        faster_fp32: names of nodes that stay FP32 because they are faster so.
        only: quantize this one node alone.
        kernels: what is quantized.

    Raises:
        ExportError: nothing in it can be quantized.
    """
    kept = dict.fromkeys(faster_fp32, Kept.FASTER) | dict.fromkeys(keep_fp32, Kept.ACCURATE)
    shielded = _shield(model, kept)
    shields = [f"{name}{_SHIELD}{why}" for name, why in kept.items()]
    quantizer = QDQQuantizer(
        shielded,
        per_channel=True,
        reduce_range=targets.LARGEST_WEIGHT[target] < _LARGEST,
        weight_qType=QuantType.QInt8,
        activation_qType=ACTIVATIONS[target],
        tensors_range=_as_tensors_data(ranges),
        nodes_to_quantize=[only] if only else [],
        nodes_to_exclude=[*onnx_graph.NORMALISATION, *_head(model), *kept, *shields],
        op_types_to_quantize=list(kernels.operators),
        extra_options={"OpTypesToExcludeOutputQuantization": ["Gemm"]},
    )
    try:
        quantizer.quantize_model()
    except ValueError as error:
        raise ExportError(f"ONNX Runtime cannot quantize this model: {reason(error)}") from error
    quantizer.model.topological_sort()  # ONNX asks for it; ONNX Runtime alone would not
    model = quantizer.model.model
    quantized = fold_factors(model) if kernels.rescale else onnx_graph.prepare(model)
    if not any(node.op_type == "QuantizeLinear" for node in quantized.graph.node):
        raise ExportError("nothing in this model can be quantized: no convolution, no Gemm.")
    return quantized


def _as_tensors_data(ranges: Ranges) -> Any:
    """Return ranges as ONNX Runtime's quantizer takes them."""
    data = {
        name: TensorData(lowest=np.float32(low), highest=np.float32(high))
        for name, (low, high) in ranges.items()
    }
    return TensorsData(CalibrationMethod.MinMax, data)


def _head(model: Any) -> list[str]:
    """Return the nodes after the last layer: they stay FP32, and with them the logits.

    In 256 steps two classes would often tie.
    """
    makers = {output: node for node in model.graph.node for output in node.output}
    names: list[str] = []
    waiting = [output.name for output in model.graph.output]
    while waiting:
        node = makers.get(waiting.pop())
        if node is not None and node.op_type not in WEIGHTED and node.name not in names:
            names.append(node.name)
            waiting += list(node.input)
    return names


class Kept(StrEnum):
    """Why a layer stays FP32; the name of its shield ends so."""

    ACCURATE = "accurate"
    FASTER = "faster"


_SHIELD = "_stays_fp32_"


def _shield(model: Any, kept: dict[str, Kept]) -> Any:
    """Return a copy whose kept layers stay FP32 in ONNX Runtime too.

    It quantizes the FP32 weights of a layer by itself, per tensor, where it finds the layer between
    a dequantize and a quantize node. LeakyRelu with a slope of 1 changes no value, is fused into
    the layer, and keeps that pattern from being found.

    Source: onnxruntime, core/optimizer/qdq_transformer/weight_bias_quantization.cc.
    """
    copy = onnx_graph.copy_model(model)
    nodes = []
    for node in copy.graph.node:
        nodes.append(node)
        if node.name in kept and node.op_type in WEIGHTED:
            output = node.output[0]
            node.output[0] = f"{output}{_SHIELD}"
            nodes.append(
                onnx.helper.make_node(
                    "LeakyRelu",
                    [node.output[0]],
                    [output],
                    f"{node.name}{_SHIELD}{kept[node.name]}",
                    alpha=1.0,
                )
            )
    rearranged = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del copy.graph.node[:]
    copy.graph.node.extend(rearranged)
    return copy


def kept_layers(model: Any) -> dict[str, Kept]:
    """Return why layers of a quantized model were kept in FP32, by their weights' names."""
    makers = {output: node for node in model.graph.node for output in node.output}
    return {
        makers[node.input[0]].input[1]: Kept(node.name.rpartition(_SHIELD)[2])
        for node in model.graph.node
        if node.op_type == "LeakyRelu" and _SHIELD in node.name
    }


def layers(model: Any) -> dict[str, str]:
    """Return the layers with weights of a folded model: node name -> the layer's name."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return {
        node.name: layer_name(node)
        for node in model.graph.node
        if node.op_type in WEIGHTED and node.input[1] in weights
    }


def layer_name(node: Any) -> str:
    """Return what a user knows a weighted node as: its weights' name, without ``.weight``."""
    name = next((i for i in node.input if i.endswith(".weight")), "")
    return str(name.removesuffix(".weight") or node.name)
