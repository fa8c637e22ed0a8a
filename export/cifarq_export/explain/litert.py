"""What of a TFLite file is INT8: its operators as the file names them.

Which of them XNNPACK runs, LiteRT does not tell.
"""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cifarq_export.explain import Explanation, Operator
from cifarq_export.tflite.file import SCHEMA

_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
_MOVES = {
    *("CONCATENATION", "DEQUANTIZE", "GATHER", "PAD", "PADV2", "QUANTIZE", "RESHAPE"),
    *("SPLIT_V", "STRIDED_SLICE", "TRANSPOSE"),
}
_WHY_LAST = "the last layer computes in FP32 from INT8 weights, so that no two logits tie"
_WHY_NEIGHBOURS = "its neighbours are FP32"
_WHY_FP32 = "the artifact is FP32"


def explain(content: bytes, name: str, image: NDArray[Any], precision: str) -> Explanation:
    """Explain a TFLite file from its bytes."""
    schema = importlib.import_module(SCHEMA)
    model = schema.ModelT.InitFromPackedBuf(content)
    kinds = {v: k for k, v in vars(schema.BuiltinOperator).items() if not k.startswith("_")}
    (graph,) = model.subgraphs
    codes = [kinds[code.builtinCode] for code in model.operatorCodes]
    file = _File(schema, graph)
    last = max((i for i, o in enumerate(graph.operators) if codes[o.opcodeIndex] in _WEIGHTED))
    operators = []
    for i, operator in enumerate(graph.operators):
        kind = codes[operator.opcodeIndex]
        int8 = file.is_int8(operator.inputs[0]) and file.is_int8(operator.outputs[0])
        why = _WHY_LAST if i == last else _WHY_NEIGHBOURS
        why = why if file.has_int8 else _WHY_FP32
        if kind in _WEIGHTED:
            operators.append(file.weighted(f"{kind} {i}", kind, operator, "" if int8 else why))
        elif kind not in _MOVES:
            operators.append(
                Operator(f"{kind} {i}", kind, int8, why="" if int8 or not file.has_int8 else why)
            )
    return Explanation(tuple(operators))


def read_file(
    path: Path, input_shape: tuple[int, int, int] | None
) -> tuple[bytes, NDArray[np.float32]]:
    """Return a file's bytes; no image is needed."""
    return path.read_bytes(), np.zeros((1, *(input_shape or (1, 1, 1))), np.float32)


class _File:
    """The tensors of a file's one graph."""

    def __init__(self, schema: Any, graph: Any) -> None:
        self._int8 = schema.TensorType.INT8
        self._tensors = graph.tensors
        self.has_int8 = any(tensor.type == self._int8 for tensor in graph.tensors)
        # A constant in INT8 that is dequantized when the file is loaded is weights all the same.
        self._stored = {
            operator.outputs[0]: operator.inputs[0]
            for operator in graph.operators
            if len(operator.inputs) == 1 and graph.tensors[operator.inputs[0]].buffer
        }

    def is_int8(self, tensor: int) -> bool:
        return bool(self._tensors[tensor].type == self._int8)

    def weighted(self, layer: str, kind: str, operator: Any, why: str) -> Operator:
        """Return a convolution or matrix product: each number made is a sum over some weights."""
        weights, *bias = operator.inputs[1:]
        shape = self._tensors[weights].shape
        size = int(np.prod(shape))
        made = int(np.prod(self._tensors[operator.outputs[0]].shape))
        summed = size // int(shape[-1] if kind == "DEPTHWISE_CONV_2D" else shape[0])
        held = size + sum(int(np.prod(self._tensors[name].shape)) for name in bias)
        stored = self.is_int8(self._stored.get(weights, weights))
        return Operator(layer, kind, not why, held, size if stored else 0, made * summed, why)
