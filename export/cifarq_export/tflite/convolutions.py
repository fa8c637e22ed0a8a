"""Convolutions, plain, grouped and depthwise."""

from cifarq_export.tflite.graph import Node
from cifarq_export.tflite.values import Layout
from cifarq_export.tflite.windows import pad, window
from cifarq_export.tflite.writer import Writer

_USUAL = (0, 2, 3, 1)  # (out, in, height, width) -> (out, height, width, in)
_DEPTHWISE = (1, 2, 3, 0)  # (out, 1, height, width) -> (1, height, width, out)


def convolve(writer: Writer, node: Node) -> None:
    """Write a convolution of an image with constant weights, and the activation after it."""
    weights = writer.constant(node, node.inputs[1])
    _, inner, *kernel = weights.data.shape
    frame = window(writer, node, tuple(kernel))
    fused, output = writer.fuse_activation(node.output)
    meaning = writer.int8([name for name in node.inputs if name], output)
    int8 = meaning is not None
    image, padding = pad(writer, node, frame, int8=int8)
    groups = node.attributes.get("group", 1)
    depthwise = inner == 1 and groups == writer.graph.shape(node.input)[1]
    given = [image, writer.hold(weights.transpose(_DEPTHWISE if depthwise else _USUAL), int8=int8)]
    given.append(writer.bias(node, weights, int8=int8))
    made = writer.give(output, Layout.NHWC, meaning, is_positive=fused != "NONE")
    options = {
        **frame.options,
        "padding": padding,
        "dilationHFactor": frame.dilations[0],
        "dilationWFactor": frame.dilations[1],
        "fusedActivationFunction": fused,
    }
    kind = "CONV_2D"
    if depthwise:
        kind = "DEPTHWISE_CONV_2D"
        options["depthMultiplier"] = writer.graph.shape(node.output)[1] // groups
    writer.file.add_operator(kind, given, [made], **options)


WRITERS = {"Conv": convolve}
