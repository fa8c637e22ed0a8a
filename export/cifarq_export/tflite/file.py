"""A TFLite file as it grows: tensors, buffers and operators, and in the end its bytes.

The schema is the one that LiteRT ships as Python; the same calls write the same bytes.

Source: TensorFlow Lite's schema.fbs.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

SCHEMA = "ai_edge_litert.schema_py_generated"
IDENTIFIER = b"TFL3"

_VERSION = 3
_ALIGNMENT = 16  # bytes, which the schema asks of a buffer's data
_FIRST_SIZE = 1024  # bytes; a builder grows by itself
_OLD_CODES = 127  # what fits where operators' codes stood once

_TYPES = {"float32": "FLOAT32", "int32": "INT32", "int64": "INT64", "uint8": "UINT8"}
_TYPES |= {"int8": "INT8", "bool": "BOOL"}

_OPTIONS = {
    "ADD": "AddOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "BATCH_MATMUL": "BatchMatMulOptions",
    "CAST": "CastOptions",
    "CONCATENATION": "ConcatenationOptions",
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "DIV": "DivOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "GATHER": "GatherOptions",
    "GELU": "GeluOptions",
    "LEAKY_RELU": "LeakyReluOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "MUL": "MulOptions",
    "SOFTMAX": "SoftmaxOptions",
    "SPLIT_V": "SplitVOptions",
    "STRIDED_SLICE": "StridedSliceOptions",
    "SUB": "SubOptions",
    "SUM": "ReducerOptions",
}
"""The options that operators may not lack; the others' say nothing."""


@dataclass(frozen=True)
class Quantization:
    """How integers stand for numbers: scale times (integer less zero point).

    Attributes:
        scales, zero_points: one for the whole tensor, or one for each position on ``axis``.
        axis: the one that they belong to, where there are several.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int = 0


class File:
    """A TFLite file with one graph."""

    def __init__(self) -> None:
        self._schema = importlib.import_module(SCHEMA)
        self._buffers = [self._schema.BufferT()]  # the first is empty, and what has no data has it
        self._tensors: list[Any] = []
        self._operators: list[Any] = []
        self._codes: list[str] = []

    def add_tensor(
        self,
        shape: Sequence[int],
        dtype: DTypeLike,
        quantization: Quantization | None = None,
        name: str | None = None,
    ) -> int:
        """Add a tensor that an operator or the caller fills, and return its number."""
        return self._add_tensor(shape, dtype, quantization, name, buffer=0)

    def add_constant(self, data: NDArray[Any], quantization: Quantization | None = None) -> int:
        """Add a tensor that holds data, and return its number."""
        self._buffers.append(_Buffer(np.ascontiguousarray(data)))
        buffer = len(self._buffers) - 1
        return self._add_tensor(data.shape, data.dtype, quantization, None, buffer)

    def add_operator(
        self, kind: str, inputs: Sequence[int], outputs: Sequence[int], **options: Any
    ) -> None:
        """Add an operator.

        Args:
            kind: a name in the schema's ``BuiltinOperator``.
            inputs: tensors.
            outputs: tensors.
            options: those of its kind, by the schema's names; names of an enumeration's values,
                ``padding="SAME"``, are taken for them.
        """
        if kind not in self._codes:
            self._codes.append(kind)
        operator = self._schema.OperatorT(
            opcodeIndex=self._codes.index(kind),
            inputs=np.array(inputs, np.int32),
            outputs=np.array(outputs, np.int32),
        )
        if kind in _OPTIONS:
            name = _OPTIONS[kind]
            operator.builtinOptionsType = getattr(self._schema.BuiltinOptions, name)
            operator.builtinOptions = getattr(self._schema, f"{name}T")(
                **{key: self._option(key, value) for key, value in options.items()}
            )
        self._operators.append(operator)

    def content(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """Return the file that takes and gives these tensors."""
        flatbuffers = importlib.import_module("flatbuffers")
        schema = self._schema
        graph = schema.SubGraphT(
            tensors=self._tensors,
            inputs=np.array(inputs, np.int32),
            outputs=np.array(outputs, np.int32),
            operators=self._operators,
        )
        numbers = [getattr(schema.BuiltinOperator, kind) for kind in self._codes]
        model = schema.ModelT(
            version=_VERSION,
            operatorCodes=[
                schema.OperatorCodeT(
                    deprecatedBuiltinCode=min(number, _OLD_CODES), builtinCode=number
                )
                for number in numbers
            ],
            subgraphs=[graph],
            buffers=self._buffers,
        )
        builder = flatbuffers.Builder(_FIRST_SIZE)
        builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
        return bytes(builder.Output())

    def _add_tensor(
        self,
        shape: Sequence[int],
        dtype: DTypeLike,
        quantization: Quantization | None,
        name: str | None,
        buffer: int,
    ) -> int:
        schema = self._schema
        tensor = schema.TensorT(
            shape=np.array(shape, np.int32),
            type=getattr(schema.TensorType, _TYPES[str(np.dtype(dtype))]),
            buffer=buffer,
            name=name,
        )
        if quantization:
            tensor.quantization = schema.QuantizationParametersT(
                scale=np.array(quantization.scales, np.float32),
                zeroPoint=np.array(quantization.zero_points, np.int64),
                quantizedDimension=quantization.axis,
            )
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def _option(self, name: str, value: Any) -> Any:
        if name == "padding":
            return getattr(self._schema.Padding, value)
        if name == "fusedActivationFunction":
            return getattr(self._schema.ActivationFunctionType, value)
        if name in ("inDataType", "outDataType"):
            return getattr(self._schema.TensorType, _TYPES[value])
        return value


class _Buffer:
    """Data that is packed where the schema wants it; what the schema's own class writes is not."""

    def __init__(self, data: NDArray[Any]) -> None:
        self._data = data.view(np.uint8).reshape(-1) if data.size else np.zeros(0, np.uint8)

    def Pack(self, builder: Any) -> Any:
        schema = importlib.import_module(SCHEMA)
        size = self._data.size
        builder.StartVector(1, size, _ALIGNMENT)
        builder.head = builder.Head() - size
        builder.Bytes[builder.Head() : builder.Head() + size] = self._data.tobytes()
        data = builder.EndVector()
        schema.BufferStart(builder)
        schema.BufferAddData(builder, data)
        return schema.BufferEnd(builder)
