"""An ONNX classifier, whatever wrote it."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import external_data_helper

from cifarq_export.int8 import onnx_float32, onnx_graph, runtime
from cifarq_export.sources import Source, onnx_input
from cifarq_export.sources.normalisation import Normalisation
from cifarq_export.sources.onnx_input import ImageInput
from cifarq_export.sources.outputs import onnx as onnx_output
from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.errors import CheckpointError, ExportError, ToolkitError, reason
from edge_runtime.files import open_regular, read_regular

MOST_BYTES = 2 * 2**30
"""Of a model, and of each file with weights of it: protobuf, which ONNX is, holds no more."""

MIN_OPSET = 13
"""From here on weights can be quantized per channel (QuantizeLinear got its axis)."""

_TRADITIONAL = "ai.onnx.ml"
"""The domain of operators for trees, linear models and the like, as skl2onnx writes them."""


@dataclass(frozen=True)
class Opened:
    """A model that takes images and has one output with a number for each class.

    Attributes:
        graph: the model.
        image: what it takes.
        changes: what was changed in the model that was given, a sentence each.
    """

    graph: Any
    image: ImageInput
    changes: tuple[str, ...]


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
        UsageError: it has no output of that name, or the normalisation is not for its input.
        ExportError: it is no such model, or already quantized.
        CheckpointError: its weights are not finite.
        EngineError: ONNX Runtime refuses it.
    """
    given = f"--from {path}"
    opened = open_model(path, len(classes), input_shape, output)
    return Source(
        path.stem,
        opened.image.shape,
        classes,
        _preprocess(normalisation, opened.image, given),
        runtime.open_model(opened.graph, path.name).run,
        graph=opened.graph,
        batch=opened.image.batch,
        kind=f"FP32 {path.name}",
        changes=opened.changes,
    )


def open_model(
    path: Path, classes: int, input_shape: tuple[int, int, int] | None, output: str | None
) -> Opened:
    """Read an ONNX file, bring it into the form of all models, and run it once on made-up images.

    Raises:
        ToolkitError: as ``source`` says.
    """
    given = f"--from {path}"
    try:
        return _open(path, given, classes, input_shape, output)
    except ToolkitError:
        raise
    except Exception as error:  # protobuf, ONNX and numpy raise each their own on a damaged model
        raise ExportError(
            f"{given} cannot be used: {type(error).__name__}: {reason(error)}."
        ) from error


def _open(
    path: Path,
    given: str,
    classes: int,
    input_shape: tuple[int, int, int] | None,
    output: str | None,
) -> Opened:
    model = _read(path, given)
    converted = onnx_float32.make_float32(model)
    _require_numbers(model, given)
    graph = onnx_graph.prepare(_raise_opset(model, given))
    image = onnx_input.make_canonical(graph, given, input_shape)
    graph, head = onnx_output.keep_head(
        graph, output, (image.batch, *image.shape), classes=classes, given=given
    )
    casts = (f"The {kind} values were converted to FP32." for kind in converted)
    return Opened(graph, image, (*casts, *image.changes, *head.changes))


def _preprocess(normalisation: Normalisation, image: ImageInput, given: str) -> Preprocessing:
    channels = image.shape[0]
    if image.of_bytes:
        return normalisation.of_bytes(channels, given)
    return normalisation.preprocessing(channels)


def _read(path: Path, given: str) -> Any:
    if not path.exists():
        raise ExportError(f"{given} does not exist.")
    try:
        model = onnx.load_model_from_string(read_regular(path, MOST_BYTES))
        _take_in_weights(model, path.parent)
        onnx_graph.sort_nodes(model.graph)
        onnx.checker.check_model(model)
    except FileNotFoundError as error:
        raise ExportError(f"{given} needs {error.filename or path}, which is absent.") from error
    except OSError as error:
        raise ExportError(f"{given}: cannot read it: {error.strerror}.") from error
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


def _take_in_weights(model: Any, folder: Path) -> None:
    """Read the weights that lie in files beside a model.

    Raises:
        OSError: a file cannot be read, is no regular file, or is larger than a model may be.
        Exception: it lies elsewhere, or is shorter than the model says.
    """
    for owner in onnx_graph.owners(model):
        for tensor in onnx_graph.tensors(owner):
            if tensor.data_location == onnx.TensorProto.EXTERNAL:
                where = external_data_helper.ExternalDataInfo(tensor).location
                open_regular(folder / where, MOST_BYTES).close()
    external_data_helper.load_external_data_for_model(model, str(folder))


def _require_numbers(model: Any, given: str) -> None:
    """Refuse weights that are not finite, and constants that are not a number.

    A constant may be infinite: what pads before a maximum, or bounds nothing.

    Raises:
        CheckpointError: one is.
    """
    for owner in onnx_graph.owners(model):
        is_node = isinstance(owner, onnx.NodeProto)
        for tensor in onnx_graph.tensors(owner):
            values = onnx.numpy_helper.to_array(tensor)
            if values.dtype.kind != "f":
                continue
            if np.isnan(values).any() or not (is_node or np.isfinite(values).all()):
                name = owner.output[0] if is_node else tensor.name
                raise CheckpointError(
                    f"{given}: {name} holds values that are not finite (NaN or infinite)."
                )
        for attribute in owner.attribute if is_node else ():
            if any(map(math.isnan, (attribute.f, *attribute.floats))):
                raise CheckpointError(
                    f"{given}: {attribute.name} of the {owner.op_type} that makes "
                    f"{owner.output[0]} is not a number."
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
