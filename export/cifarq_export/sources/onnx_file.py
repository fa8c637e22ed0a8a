"""An ONNX classifier, whatever wrote it."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx

from cifarq_export.int8 import onnx_graph, runtime
from cifarq_export.sources import Source, onnx_output
from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.errors import CheckpointError, ExportError, reason

MIN_OPSET = 13
"""From here on weights can be quantized per channel (QuantizeLinear got its axis)."""

_HALF = (onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE)


def source(
    path: Path,
    classes: tuple[str, ...],
    how: Preprocessing,
    input_shape: tuple[int, int, int] | None = None,
    output: str | None = None,
) -> Source:
    """Open an ONNX file.

    Args:
        path: one image input (N, C, H, W) float32.
        classes: class names in the order of the outputs.
        how: how images become its input.
        input_shape: (C, H, W), for a file that leaves height and width open.
        output: the name of its output, if it has several.

    Raises:
        UsageError: it has no output of that name.
        ExportError: it is no such model, or already quantized.
        CheckpointError: its weights are not finite.
        EngineError: ONNX Runtime refuses it.
    """
    graph = onnx_graph.prepare(_read(path))
    batch, input_shape = _input(graph, path, input_shape)
    given = f"--from {path}"
    graph, head = onnx_output.keep_head(
        graph, output, (batch, *input_shape), classes=len(classes), given=given
    )
    return Source(
        path.stem,
        input_shape,
        classes,
        how,
        runtime.open_model(graph, path.name).run,
        graph=graph,
        batch=batch,
        kind=f"FP32 {path.name}",
        changes=head.changes,
    )


def _read(path: Path) -> Any:
    try:
        graph = onnx.load(path)
        onnx.checker.check_model(graph)
    except FileNotFoundError as error:
        raise ExportError(
            f"--from {path} needs {error.filename or path}, which is absent."
        ) from error
    except Exception as error:  # protobuf, onnx.checker and the system raise each their own
        raise ExportError(f"--from {path} is not a valid ONNX model: {reason(error)}") from error
    if kinds := onnx_graph.quantized_operators(graph.graph):
        raise ExportError(
            f"--from {path} is already quantized ({', '.join(sorted(kinds))}).",
            "Give the FP32 model it was made from.",
        )
    for tensor in graph.graph.initializer:
        if tensor.data_type in _HALF:
            kind = onnx.TensorProto.DataType.Name(tensor.data_type)
            raise ExportError(
                f"--from {path}: {tensor.name} is {kind}.",
                "Give the FP32 model: INT8 is made from that.",
            )
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise CheckpointError(
                f"--from {path}: {tensor.name} holds values that are not finite (NaN or infinite)."
            )
    if onnx_graph.opset(graph) >= MIN_OPSET:
        return graph
    try:
        return onnx.version_converter.convert_version(graph, onnx_graph.OPSET)
    except Exception as error:
        raise ExportError(
            f"--from {path} has opset {onnx_graph.opset(graph)}; {MIN_OPSET} is needed, and it "
            f"cannot be converted: {reason(error)}"
        ) from error


def _input(
    graph: Any, path: Path, wanted: tuple[int, int, int] | None
) -> tuple[int | str, tuple[int, int, int]]:
    """Return batch (``N`` or the fixed one) and (C, H, W), and fix what the graph leaves open."""
    inputs = list(graph.graph.input)
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs) or "none"
        raise ExportError(f"--from {path} has {len(inputs)} inputs ({names}); expected one image.")
    kind = inputs[0].type.tensor_type
    dims = onnx_graph.input_sizes(inputs[0])
    said = [d.dim_value or d.dim_param or "?" for d in kind.shape.dim]
    if kind.elem_type != onnx.TensorProto.FLOAT or len(dims) != 4 or dims[1] not in (0, 3):
        raise ExportError(
            f"--from {path}: its input {inputs[0].name} is {said} of type "
            f"{onnx.TensorProto.DataType.Name(kind.elem_type)}; expected (N, 3, H, W) FLOAT."
        )
    if dims[0] > 1:
        raise ExportError(
            f"--from {path} takes only batches of {dims[0]}; artifacts are checked with one image "
            "per call.",
            "Export it with a batch of 1, or an open one.",
        )
    if wanted is None and 0 in dims[1:]:
        raise ExportError(
            f"--from {path} leaves the size of its input open, {said}.",
            "Give it with --input-shape, as in --input-shape 3,224,224.",
        )
    if wanted and any(d not in (0, w) for d, w in zip(dims[1:], wanted, strict=True)):
        raise ExportError(
            f"--from {path} takes {said[1:]}, not --input-shape {','.join(map(str, wanted))}."
        )
    channels, height, width = wanted or (dims[1], dims[2], dims[3])
    for axis, size in zip(kind.shape.dim, (dims[0], channels, height, width), strict=True):
        axis.Clear()
        if size:
            axis.dim_value = size
        else:
            axis.dim_param = "N"
    return (dims[0] or "N"), (channels, height, width)
