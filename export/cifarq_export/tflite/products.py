"""Matrix products: of what a model computes with constant weights, or with another such."""

from cifarq_export.tflite.graph import Node
from cifarq_export.tflite.values import TO_NHWC, Layout
from cifarq_export.tflite.writer import Constant, Writer
from edge_runtime.errors import ExportError


def multiply_rows(writer: Writer, node: Node) -> None:
    """Write a Gemm of (N, features) with constant weights, and the activation after it."""
    for name in ("alpha", "beta"):
        if node.attributes.get(name, 1.0) != 1.0:
            raise ExportError(f"Gemm {node.name}: {name} is {node.attributes[name]:g}, not 1.")
    if node.attributes.get("transA"):
        raise ExportError(f"Gemm {node.name} transposes its first input.")
    weights = writer.constant(node, node.inputs[1])
    if not node.attributes.get("transB"):
        weights = weights.transpose((1, 0))
    _multiply(writer, node, weights)


def multiply(writer: Writer, node: Node) -> None:
    """Write a MatMul, with constant weights or of two values."""
    left, right = node.inputs
    if writer.is_known(right) and len(writer.graph.shape(right)) == 2:
        _multiply(writer, node, writer.constant(node, right).transpose((1, 0)))
        return
    given = [writer.take_float(name, Layout.PLAIN) for name in (left, right)]
    made = writer.give(node.output, Layout.PLAIN)
    writer.file.add_operator("BATCH_MATMUL", given, [made])


def _multiply(writer: Writer, node: Node, weights: Constant) -> None:
    """Write a product with weights (out, in)."""
    fused, output = writer.fuse_activation(node.output)
    meaning = writer.int8([name for name in node.inputs if name], output)
    int8 = meaning is not None
    value = writer.value(node.input)
    layout = Layout.PLAIN
    if value.layout is Layout.FEATURES:
        layout = Layout.FEATURES
        assert value.image is not None
        weights = _reorder(weights, value.image)
    given = [writer.take(node.input, layout, int8=int8), writer.hold(weights, int8=int8)]
    if node.optional_input(2):
        given.append(writer.bias(node, weights, int8=int8))
    made = writer.give(output, Layout.PLAIN, meaning, is_positive=fused != "NONE")
    options = {"fusedActivationFunction": fused, "keepNumDims": len(value.shape) > 2}
    writer.file.add_operator("FULLY_CONNECTED", given, [made], **options)


def _reorder(weights: Constant, image: tuple[int, int, int]) -> Constant:
    """Return weights (out, in) for an image in a row, channels last, instead of channels first."""
    made = len(weights.data)
    return weights.reshape((made, *image)).transpose(TO_NHWC).reshape((made, -1))


WRITERS = {"Gemm": multiply_rows, "MatMul": multiply}
