"""An ONNX classifier, whatever wrote it."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx

from cifarq_export.int8 import onnx_float32, onnx_graph, runtime
from cifarq_export.sources import Source, onnx_input
from cifarq_export.sources.normalisation import Normalisation
from cifarq_export.sources.onnx_input import ImageInput
from cifarq_export.sources.outputs import onnx as onnx_output
from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.errors import CheckpointError, ExportError, reason

MIN_OPSET = 13
"""From here on weights can be quantized per channel (QuantizeLinear got its axis)."""

_TRADITIONAL = "ai.onnx.ml"
"""The domain of operators for trees, linear models and the like, as skl2onnx writes them."""


def source(
    path: Path,
    classes: tuple[str, ...],
    normalisation: Normalisation,
    input_shape: tuple[int, int, int] | None = None,
    output: str | None = None,
) -> Source:
    """Open an ONNX file.

    Args:
        path: one image input.
        classes: class names in the order of the outputs.
        normalisation: what was said of it.
        input_shape: (C, H, W), for a file that leaves height and width open.
        output: the name of its output, if it has several.

    Raises:
        UsageError: it has no output of that name.
        ExportError: it is no such model, or already quantized.
        UsageError: the normalisation is not for its input.
        CheckpointError: its weights are not finite.
        EngineError: ONNX Runtime refuses it.
    """
    given = f"--from {path}"
    model = _read(path, given)
    converted = onnx_float32.make_float32(model)
    _require_finite(model.graph, given)
    graph = onnx_graph.prepare(_raise_opset(model, given))
    image = onnx_input.make_canonical(graph, given, input_shape)
    graph, head = onnx_output.keep_head(
        graph, output, (image.batch, *image.shape), classes=len(classes), given=given
    )
    return Source(
        path.stem,
        image.shape,
        classes,
        _preprocess(normalisation, image, given),
        runtime.open_model(graph, path.name).run,
        graph=graph,
        batch=image.batch,
        kind=f"FP32 {path.name}",
        changes=(
            *(f"The {kind} values were converted to FP32." for kind in converted),
            *image.changes,
            *head.changes,
        ),
    )


def _preprocess(normalisation: Normalisation, image: ImageInput, given: str) -> Preprocessing:
    channels = image.shape[0]
    if image.of_bytes:
        return normalisation.of_bytes(channels, given)
    return normalisation.preprocessing(channels)


def _read(path: Path, given: str) -> Any:
    try:
        model = onnx.load(path)
        onnx_graph.sort_nodes(model.graph)
        onnx.checker.check_model(model)
    except FileNotFoundError as error:
        raise ExportError(f"{given} needs {error.filename or path}, which is absent.") from error
    except Exception as error:  # protobuf, onnx.checker and the system raise each their own
        raise ExportError(f"{given} is not a valid ONNX model: {reason(error)}") from error
    if kinds := onnx_graph.quantized_operators(model.graph):
        raise ExportError(
            f"{given} is already quantized ({', '.join(sorted(kinds))}).",
            "Give the FP32 model it was made from.",
        )
    if kinds := {node.op_type for node in model.graph.node if node.domain == _TRADITIONAL}:
        raise ExportError(
            f"{given} uses operators of {_TRADITIONAL} ({', '.join(sorted(kinds))}), which have no "
            "INT8 form.",
            "Give a neural network without them.",
        )
    output = model.graph.output[0]
    if not output.type.HasField("tensor_type"):
        raise ExportError(
            f"{given}: its output {output.name} is a {output.type.WhichOneof('value')}; a "
            "classifier answers with a tensor.",
            "Export it with the tensor of scores as its output.",
        )
    return model


def _require_finite(graph: Any, given: str) -> None:
    for tensor in graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise CheckpointError(
                f"{given}: {tensor.name} holds values that are not finite (NaN or infinite)."
            )


def _raise_opset(model: Any, given: str) -> Any:
    """Return a model of an opset that can be quantized."""
    if onnx_graph.opset(model) >= MIN_OPSET:
        return model
    try:
        return onnx.version_converter.convert_version(model, onnx_graph.OPSET)
    except Exception as error:
        raise ExportError(
            f"{given} has opset {onnx_graph.opset(model)}; {MIN_OPSET} is needed, and it cannot be "
            f"converted: {reason(error)}",
            f"Export it again with opset {MIN_OPSET} or later.",
        ) from error
