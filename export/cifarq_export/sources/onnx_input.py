"""What an ONNX file takes, brought into the one form that all exported models take.

Images (N, C, H, W) float32, any number a call. What can be changed into that is changed and said;
what cannot is refused by its name.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from cifarq_export.int8 import onnx_graph, onnx_rewrite, runtime
from edge_runtime.bundle.manifest import MOST_VALUES
from edge_runtime.errors import EngineError, ExportError, reason

_CHANNELS = (1, 3)


@dataclass(frozen=True)
class ImageInput:
    """What a model takes.

    Attributes:
        shape: (C, H, W) of one image.
        batch: ``N``, or the one batch size that it takes.
        of_bytes: whether the values are those of the pixels, 0-255, which it normalises itself.
        changes: what was changed in the model, a sentence each.
    """

    shape: tuple[int, int, int]
    batch: int | str
    of_bytes: bool
    changes: tuple[str, ...]


def make_canonical(model: Any, given: str, input_shape: tuple[int, int, int] | None) -> ImageInput:
    """Let a model take images (N, C, H, W) float32, in place.

    Args:
        model: prepared (``onnx_graph.prepare``), with all its floats in FP32.
        given: what the model is called in messages.
        input_shape: (C, H, W), for a model that leaves height and width open.

    Raises:
        ExportError: it takes no images, or in a form that cannot be changed.
        EngineError: ONNX Runtime refuses it.
    """
    entry = _image(model.graph, given)
    changes = []
    said = _shown(entry)
    if of_bytes := entry.type.tensor_type.elem_type == onnx.TensorProto.UINT8:
        onnx_rewrite.take_float(model)
        changes.append(
            "The input was uint8; the model takes the same values, 0 to 255, as float32 now, and "
            "the artifacts as uint8 with --input uint8."
        )
    if _is_nhwc(entry):
        onnx_rewrite.take_nchw(model)
        changes.append(f"The input was NHWC, {said}, and is NCHW now.")
    shape = _fix_size(entry, given, input_shape)
    if (values := math.prod(shape) * max(onnx_graph.input_sizes(entry)[0], 1)) > MOST_VALUES:
        raise ExportError(
            f"{given}: its input {entry.name} holds {values:,} values, more than {MOST_VALUES:,}."
        )
    del model.graph.value_info[:]  # of the graph as it was
    batch, change = _settle_batch(model, _draw(shape, of_bytes=of_bytes), given)
    return ImageInput(shape, batch, of_bytes, (*changes, *change))


def _image(graph: Any, given: str) -> Any:
    """Return the one input.

    Raises:
        ExportError: there are others, or it holds no images.
    """
    if len(graph.input) != 1:
        names = ", ".join(value.name for value in graph.input) or "none"
        raise ExportError(
            f"{given} has {len(graph.input)} inputs ({names}); a classifier has one, the image.",
            "Export it with the image alone as its input.",
        )
    (entry,) = graph.input
    kind = entry.type.tensor_type.elem_type
    name = onnx.TensorProto.DataType.Name(kind)
    if len(entry.type.tensor_type.shape.dim) != 4 or kind not in (
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.UINT8,
    ):
        raise ExportError(
            f"{given}: its input {entry.name} is {_shown(entry)} of type {name}; images are "
            "(N, C, H, W) or (N, H, W, C), of type FLOAT or UINT8.",
            "Export the model with such an input.",
        )
    sizes = onnx_graph.input_sizes(entry)
    if sizes[1] not in (0, *_CHANNELS) and sizes[3] not in _CHANNELS:
        raise ExportError(
            f"{given}: its input {entry.name} is {_shown(entry)}, which has neither 1 nor 3 "
            "channels.",
            "Give a model of grey or of coloured images.",
        )
    return entry


def _is_nhwc(entry: Any) -> bool:
    sizes = onnx_graph.input_sizes(entry)
    return sizes[3] in _CHANNELS and sizes[1] not in _CHANNELS


def _shown(entry: Any) -> str:
    """Return an input's shape as its file has it."""
    axes = entry.type.tensor_type.shape.dim
    return f"({', '.join(str(d.dim_value or d.dim_param or '?') for d in axes)})"


def _fix_size(entry: Any, given: str, wanted: tuple[int, int, int] | None) -> tuple[int, int, int]:
    """Return (C, H, W) of an NCHW input, and fix what it leaves open of it.

    Raises:
        ExportError: the size is open, or another than the one wanted.
    """
    known = onnx_graph.input_sizes(entry)[1:]
    if wanted is None and 0 in known:
        raise ExportError(
            f"{given} leaves the size of its input open, {_shown(entry)}.",
            f"Give it with --input-shape, as in --input-shape {known[0] or 3},224,224.",
        )
    merged = [k or w for k, w in zip(known, wanted or known, strict=True)]
    if wanted and tuple(merged) != wanted:
        raise ExportError(
            f"{given} takes images of {_shown(entry)}, which --input-shape "
            f"{','.join(map(str, wanted))} is not.",
            f"Give --input-shape {','.join(map(str, merged))}.",
        )
    channels, height, width = merged
    axes = entry.type.tensor_type.shape.dim[1:]
    for axis, size in zip(axes, (channels, height, width), strict=True):
        axis.dim_value = size
    return channels, height, width


def _settle_batch(
    model: Any, draw: Callable[[int], Any], given: str
) -> tuple[int | str, tuple[str, ...]]:
    """Return the batch, ``N`` or 1, and what was changed to get it."""
    axis = model.graph.input[0].type.tensor_type.shape.dim[0]
    if axis.dim_value == 1:
        return 1, ()
    if axis.dim_value > 1:
        return "N", (_open_batch(model, draw(axis.dim_value), given),)
    axis.dim_param = "N"
    images = draw(2)
    run = runtime.open_model(model, given).run
    try:
        alone = run(images[:1])
    except EngineError as error:
        raise ExportError(
            f"{given} leaves its batch open, and fails on one image {images.shape[1:]}: "
            f"{reason(error.__cause__ or error)}.",
            "Export it again with a batch of 1, or check --input-shape if that was given.",
        ) from error
    if _answers(run, images, alone):
        return "N", ()
    axis.dim_value = 1
    return 1, ("The batch was open, but the model takes one image a call; it is 1 now.",)


def _open_batch(model: Any, images: Any, given: str) -> str:
    """Let a model of a fixed batch take any, and return the sentence that says so.

    Raises:
        ExportError: it does not compute the same with another one.
    """
    size = len(images)
    expected = runtime.open_model(model, given).run(images)
    onnx_rewrite.open_batch(model, size)
    try:
        run = runtime.open_model(model, given).run
    except EngineError:
        run = None
    if run is None or not all(_answers(run, images[:n], expected[:n]) for n in (1, 2)):
        raise ExportError(
            f"{given} takes batches of {size} only, and cannot be changed to take one image.",
            "Export it again with a batch of 1, or with an open one.",
        )
    return f"The batch was fixed at {size} images and is open now."


def _draw(shape: tuple[int, int, int], *, of_bytes: bool) -> Callable[[int], Any]:
    """Return a function that draws so many images to try a model with."""
    most = 255 if of_bytes else 1
    random = np.random.default_rng(0)
    return lambda count: random.uniform(0, most, (count, *shape)).astype(np.float32)


def _answers(run: Any, images: Any, expected: Any) -> bool:
    """Say whether a model answers images as expected, in as far as that has answers."""
    try:
        found = run(images)
    except EngineError:
        return False
    if len(found) != len(images):
        return False
    rounding = 1e-4 * np.abs(expected).max()
    return bool(np.allclose(found[: len(expected)], expected, rtol=1e-3, atol=rounding))
