"""Normalisations that no convolution before them took in."""

import numpy as np

from cifarq_export.tflite.graph import Node
from cifarq_export.tflite.values import Layout
from cifarq_export.tflite.writer import Writer


def normalise_layer(writer: Writer, node: Node) -> None:
    """Write a LayerNormalization as its parts, in FP32: TFLite has no such operator."""
    file, sizes = writer.file, writer.graph.shape(node.input)
    first = int(node.attributes.get("axis", -1)) % len(sizes)
    axes = file.add_constant(np.arange(first, len(sizes), dtype=np.int32))
    few = (*sizes[:first], *[1] * (len(sizes) - first))
    given = writer.take_float(node.input, Layout.PLAIN)

    def add(kind: str, inputs: list[int], shape: tuple[int, ...], **options: object) -> int:
        made = file.add_tensor(shape, np.float32)
        file.add_operator(kind, inputs, [made], **options)
        return made

    mean = add("MEAN", [given, axes], few, keepDims=True)
    centred = add("SUB", [given, mean], sizes)
    variance = add("MEAN", [add("MUL", [centred, centred], sizes), axes], few, keepDims=True)
    epsilon = np.array(node.attributes.get("epsilon", 1e-5), np.float32)
    deviation = add("RSQRT", [add("ADD", [variance, file.add_constant(epsilon)], few)], few)
    scale = writer.take_float(node.inputs[1], Layout.PLAIN)
    bias = node.optional_input(2)
    factor = add("MUL", [centred, deviation], sizes)
    if bias:
        factor = add("MUL", [factor, scale], sizes)
        last, other = "ADD", writer.take_float(bias, Layout.PLAIN)
    else:
        last, other = "MUL", scale
    made = writer.give(node.output, Layout.PLAIN)
    file.add_operator(last, [factor, other], [made])


def normalise_batch(writer: Writer, node: Node) -> None:
    """Write a BatchNormalization as a factor and an offset a channel, in FP32."""
    scale, bias, mean, variance = (writer.numbers(node, name) for name in node.inputs[1:5])
    factor = scale / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
    value = writer.value(node.input)
    layout = value.layout if value.layout is Layout.NHWC else Layout.PLAIN
    sizes = value.sizes(layout)
    shape = (1,) * (len(sizes) - 1) + (-1,) if layout is Layout.NHWC else (-1,)
    if layout is Layout.PLAIN and len(sizes) > 2:
        shape = (-1,) + (1,) * (len(sizes) - 2)
    scaled = writer.file.add_tensor(sizes, np.float32)
    constants = [
        writer.file.add_constant(numbers.reshape(shape).astype(np.float32))
        for numbers in (factor, bias - mean * factor)
    ]
    taken = writer.take_float(node.input, layout)
    writer.file.add_operator("MUL", [taken, constants[0]], [scaled])
    made = writer.give(node.output, layout)
    writer.file.add_operator("ADD", [scaled, constants[1]], [made])


WRITERS = {"BatchNormalization": normalise_batch, "LayerNormalization": normalise_layer}
