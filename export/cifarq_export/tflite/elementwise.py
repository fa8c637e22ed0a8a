"""What computes each number by itself, or from the numbers at its place."""

import math
from collections.abc import Callable

import numpy as np

from cifarq_export.tflite.file import Quantization
from cifarq_export.tflite.graph import Node
from cifarq_export.tflite.values import Layout
from cifarq_export.tflite.writer import Writer, activation
from edge_runtime.errors import ExportError

_IMAGE = 4  # axes
_SIGMOID = Quantization((1 / 256,), (-128,))
"""What TFLite's INT8 sigmoid gives, and nothing else."""


def combine(kind: str) -> Callable[[Writer, Node], None]:
    """Return what writes an operator of two values that are broadcast, in INT8 or FP32."""

    def write(writer: Writer, node: Node) -> None:
        fused, output = writer.fuse_activation(node.output)
        meaning = writer.int8(node.inputs, output) if kind != "DIV" else None
        layout = _layout_of_all(writer, node)
        given = [writer.take(name, layout, int8=meaning is not None) for name in node.inputs]
        made = writer.give(output, layout, meaning, is_positive=fused != "NONE")
        writer.file.add_operator(kind, given, [made], fusedActivationFunction=fused)

    return write


def _layout_of_all(writer: Writer, node: Node) -> Layout:
    """Return the layout to combine values in: an image's, where each is one or a constant."""
    computed = [name for name in node.inputs if not writer.is_known(name)]
    if len(computed) == 1 and writer.layout(computed[0]) is Layout.NHWC:
        shape = writer.graph.shape(computed[0])
        if writer.graph.shape(node.output) == shape:
            return Layout.NHWC
    ranks = {len(writer.graph.shape(name)) for name in computed}
    layouts = {writer.layout(name) for name in computed}
    return Layout.NHWC if ranks == {_IMAGE} and Layout.NHWC in layouts else Layout.PLAIN


def compute(kind: str) -> Callable[[Writer, Node], None]:
    """Return what writes an operator of one value, in FP32."""

    def write(writer: Writer, node: Node) -> None:
        layout = writer.layout(node.input)
        taken = writer.take_float(node.input, layout)
        made = writer.give(node.output, layout, image=writer.value(node.input).image)
        writer.file.add_operator(kind, [taken], [made])

    return write


def activate(writer: Writer, node: Node) -> None:
    """Write a Relu, or a Clip that is one, where nothing before it could take it in."""
    kind = activation(writer, node)
    if kind == "NONE":
        _clip(writer, node)
        return
    value, meaning = writer.value(node.input), writer.int8([node.input], node.output)
    taken = writer.take(node.input, value.layout, int8=meaning is not None)
    made = writer.give(node.output, value.layout, meaning, image=value.image, is_positive=True)
    writer.file.add_operator(kind, [taken], [made])


def _clip(writer: Writer, node: Node) -> None:
    """Write a Clip as a maximum and a minimum, in FP32."""
    value = writer.value(node.input)
    taken = writer.take_float(node.input, value.layout)
    bounds = [
        (kind, float(writer.numbers(node, name)))
        for kind, at in (("MAXIMUM", 1), ("MINIMUM", 2))
        if (name := node.optional_input(at))
    ]
    for i, (kind, bound) in enumerate(bounds):
        last = i == len(bounds) - 1
        number = writer.file.add_constant(np.array(bound, np.float32))
        if last:
            made = writer.give(node.output, value.layout, image=value.image)
        else:
            made = writer.file.add_tensor(value.sizes(value.layout), np.float32)
        writer.file.add_operator(kind, [taken, number], [made])
        taken = made


def leak(writer: Writer, node: Node) -> None:
    """Write a LeakyRelu; one with a slope of 1 gives what it takes."""
    slope = float(node.attributes.get("alpha", 0.01))
    value = writer.value(node.input)
    if slope == 1:
        writer.alias(node.output, value)
        return
    meaning = writer.int8([node.input], node.output)
    taken = writer.take(node.input, value.layout, int8=meaning is not None)
    made = writer.give(node.output, value.layout, meaning, image=value.image)
    writer.file.add_operator("LEAKY_RELU", [taken], [made], alpha=slope)


def squash(writer: Writer, node: Node) -> None:
    """Write a Sigmoid."""
    value, meaning = writer.value(node.input), writer.int8([node.input], node.output)
    taken = writer.take(node.input, value.layout, int8=meaning is not None)
    made = writer.give(
        node.output,
        value.layout,
        _SIGMOID if meaning else None,
        image=value.image,
        is_positive=True,
    )
    writer.file.add_operator("LOGISTIC", [taken], [made])


def swish(writer: Writer, node: Node) -> None:
    """Write a HardSwish."""
    value, meaning = writer.value(node.input), writer.int8([node.input], node.output)
    taken = writer.take(node.input, value.layout, int8=meaning is not None)
    made = writer.give(node.output, value.layout, meaning, image=value.image)
    writer.file.add_operator("HARD_SWISH", [taken], [made])


def squash_hard(writer: Writer, node: Node) -> None:
    """Write a HardSigmoid as its parts: ReLU6(x + 3) / 6, and in INT8 the 6 is in the scale."""
    slope, middle = (float(node.attributes.get(k, d)) for k, d in (("alpha", 0.2), ("beta", 0.5)))
    if not (math.isclose(slope, 1 / 6, rel_tol=1e-4) and middle == 0.5):
        raise ExportError(f"HardSigmoid {node.name} has a slope of {slope:g}; 1/6 is written.")
    value, meaning = writer.value(node.input), writer.int8([node.input], node.output)
    int8 = meaning is not None
    layout, sizes = value.layout, value.sizes(value.layout)
    moved = _scratch(writer, sizes, Quantization((6 / 255,), (-128,)) if int8 else None)
    given = [writer.take(node.input, layout, int8=int8), _number(writer, 3.0, int8=int8)]
    writer.file.add_operator("ADD", given, [moved], fusedActivationFunction="RELU6")
    made = writer.give(node.output, layout, meaning, image=value.image, is_positive=True)
    writer.file.add_operator("MUL", [moved, _number(writer, 1 / 6, int8=int8)], [made])


def _scratch(writer: Writer, sizes: tuple[int, ...], meaning: Quantization | None) -> int:
    return writer.file.add_tensor(sizes, np.int8 if meaning else np.float32, meaning)


def _number(writer: Writer, number: float, *, int8: bool) -> int:
    """Return the tensor of one number, which is exact in INT8 too."""
    if int8:
        meaning = Quantization((number / 127,), (0,))
        return writer.file.add_constant(np.array([127], np.int8), meaning)
    return writer.file.add_constant(np.array([number], np.float32))


def choose(writer: Writer, node: Node) -> None:
    """Write a Softmax or LogSoftmax over the last axis."""
    rank = len(writer.graph.shape(node.input))
    if int(node.attributes.get("axis", -1)) % rank != rank - 1:
        raise ExportError(f"{node.kind} {node.name} is not over the last axis.")
    taken = writer.take_float(node.input, Layout.PLAIN)
    made = writer.give(node.output, Layout.PLAIN, is_positive=node.kind == "Softmax")
    if node.kind == "Softmax":
        writer.file.add_operator("SOFTMAX", [taken], [made], beta=1.0)
    else:
        writer.file.add_operator("LOG_SOFTMAX", [taken], [made])


WRITERS = {
    "Add": combine("ADD"),
    "Clip": activate,
    "Div": combine("DIV"),
    "Exp": compute("EXP"),
    "Gelu": compute("GELU"),
    "HardSigmoid": squash_hard,
    "HardSwish": swish,
    "LeakyRelu": leak,
    "LogSoftmax": choose,
    "Mul": combine("MUL"),
    "Relu": activate,
    "Sigmoid": squash,
    "Softmax": choose,
    "Sqrt": compute("SQRT"),
    "Sub": combine("SUB"),
    "Tanh": compute("TANH"),
}
