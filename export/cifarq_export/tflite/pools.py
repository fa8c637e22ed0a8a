"""Pools, and means over whole images."""

from typing import Any

import numpy as np

from cifarq_export.tflite.file import Quantization
from cifarq_export.tflite.graph import Node
from cifarq_export.tflite.values import TO_NHWC, Layout
from cifarq_export.tflite.windows import Window, pad, window
from cifarq_export.tflite.writer import Writer
from edge_runtime.errors import ExportError

_LARGEST = 127  # of an INT8 weight


def take_largest(writer: Writer, node: Node) -> None:
    """Write a MaxPool, whose integers mean what they meant before."""
    frame = window(writer, node, tuple(node.attributes["kernel_shape"]))
    if frame.dilations != (1, 1):
        raise ExportError(f"MaxPool {node.name} has dilations {frame.dilations}; TFLite has none.")
    value = writer.value(node.input)
    kept = value.quantization if writer.int8([node.input], node.output) else None
    image, padding = pad(writer, node, frame, int8=kept is not None, lowest=True)
    made = writer.give(node.output, Layout.NHWC, kept, is_positive=value.is_positive)
    writer.file.add_operator("MAX_POOL_2D", [image], [made], padding=padding, **_options(frame))


def take_mean(writer: Writer, node: Node) -> None:
    """Write an AveragePool: TFLite counts padding where it is an operator of its own, else not."""
    frame = window(writer, node, tuple(node.attributes["kernel_shape"]))
    counted = bool(node.attributes.get("count_include_pad", 0))
    padding = frame.padding(writer.value(node.input).shape)
    if not counted and not padding:
        raise ExportError(f"AveragePool {node.name} is padded as TFLite cannot pad it.")
    meaning = writer.int8([node.input], node.output)
    if meaning and (counted or padding == "VALID"):
        _sum_windows(writer, node, frame, meaning)
        return
    image, padding = pad(writer, node, frame, int8=False, named=not counted)
    made = writer.give(node.output, Layout.NHWC)
    writer.file.add_operator("AVERAGE_POOL_2D", [image], [made], padding=padding, **_options(frame))


def _sum_windows(writer: Writer, node: Node, frame: Window, meaning: Quantization) -> None:
    """Write an AveragePool as a depthwise convolution, whose integers may mean something else.

    TFLite's INT8 pool gives what it takes, in steps that are too coarse for a mean.
    """
    image, padding = pad(writer, node, frame, int8=True, named=False)
    channels, (height, width) = writer.graph.shape(node.input)[1], frame.kernel
    weight = Quantization((1 / (_LARGEST * height * width),), (0,))
    weights = np.full((1, height, width, channels), _LARGEST, np.int8)
    taken = writer.value(node.input).quantization
    assert taken is not None
    bias = Quantization((taken.scales[0] * weight.scales[0],), (0,))
    given = [
        image,
        writer.file.add_constant(weights, weight),
        writer.file.add_constant(np.zeros(channels, np.int32), bias),
    ]
    made = writer.give(node.output, Layout.NHWC, meaning)
    options = {**frame.options, "padding": padding, "depthMultiplier": 1}
    options |= {"dilationHFactor": 1, "dilationWFactor": 1}
    writer.file.add_operator("DEPTHWISE_CONV_2D", given, [made], **options)


def _options(frame: Window) -> dict[str, Any]:
    return {**frame.options, "filterHeight": frame.kernel[0], "filterWidth": frame.kernel[1]}


def average_images(writer: Writer, node: Node) -> None:
    """Write a GlobalAveragePool."""
    _average(writer, node, [2, 3], keep=True)


def average(writer: Writer, node: Node) -> None:
    """Write a ReduceMean."""
    given = node.attributes.get("axes")
    if given is None and (name := node.optional_input(1)):
        given = writer.numbers(node, name).tolist()
    rank = len(writer.graph.shape(node.input))
    axes = [int(axis) % rank for axis in (range(rank) if given is None else given)]
    _average(writer, node, axes, keep=bool(node.attributes.get("keepdims", 1)))


def _average(writer: Writer, node: Node, axes: list[int], *, keep: bool) -> None:
    meaning = writer.int8([node.input], node.output)
    value = writer.value(node.input)
    layout, given = value.layout, Layout.PLAIN
    if layout is Layout.NHWC and (keep or set(axes) >= {2, 3}):
        axes = sorted(TO_NHWC.index(axis) for axis in axes)
        given = Layout.NHWC if keep else Layout.PLAIN
    else:
        layout = Layout.PLAIN
    image = writer.take(node.input, layout, int8=meaning is not None)
    along = writer.file.add_constant(np.array(axes, np.int32))
    made = writer.give(node.output, given, meaning, is_positive=value.is_positive)
    writer.file.add_operator("MEAN", [image, along], [made], keepDims=keep)


WRITERS = {
    "AveragePool": take_mean,
    "GlobalAveragePool": average_images,
    "MaxPool": take_largest,
    "ReduceMean": average,
}
