"""Where a window of a convolution or pool stands: ONNX's paddings as TFLite's."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cifarq_export.tflite.graph import Node
from cifarq_export.tflite.values import Layout
from cifarq_export.tflite.writer import Writer
from edge_runtime.errors import ExportError


@dataclass(frozen=True)
class Window:
    """A window that moves over an image, each pair for height and width.

    Attributes:
        kernel, strides, dilations: in pixels.
        before, after: how many pixels of padding.
    """

    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    before: tuple[int, int]
    after: tuple[int, int]

    @property
    def options(self) -> dict[str, Any]:
        """Its strides, as the schema's options name them."""
        return {"strideH": self.strides[0], "strideW": self.strides[1]}

    def padding(self, sizes: tuple[int, ...]) -> str:
        """Return TFLite's name for its padding of an image (N, C, H, W); '' if it has none."""
        if self.before == self.after == (0, 0):
            return "VALID"
        for i, size in enumerate(sizes[2:]):
            steps = -(-size // self.strides[i])
            covered = (steps - 1) * self.strides[i] + (self.kernel[i] - 1) * self.dilations[i] + 1
            missing = max(covered - size, 0)
            if (self.before[i], self.after[i]) != (missing // 2, missing - missing // 2):
                return ""
        return "SAME"


def window(writer: Writer, node: Node, kernel: tuple[int, ...]) -> Window:
    """Return a node's window.

    Raises:
        ExportError: it is none of two axes, or it is placed as TFLite cannot place it.
    """
    if len(kernel) != 2:
        raise ExportError(
            f"{node.kind} {node.name} has a kernel of {len(kernel)} axes; two can be written."
        )
    given = node.attributes
    strides, dilations = ((*given.get(key, (1, 1)),) for key in ("strides", "dilations"))
    pads = (*given.get("pads", (0, 0, 0, 0)),)
    placed = given.get("auto_pad", b"NOTSET").decode()
    sizes = writer.graph.shape(node.input)[2:]
    if placed.startswith("SAME"):
        pads = _same(sizes, kernel, strides, dilations, at_the_end=placed == "SAME_UPPER")
    made = Window((kernel[0], kernel[1]), strides, dilations, pads[:2], pads[2:])
    covered = [
        1 + (size + a + b - (k - 1) * d - 1) // s
        for size, a, b, k, d, s in zip(
            sizes, made.before, made.after, kernel, dilations, strides, strict=True
        )
    ]
    if tuple(covered) != writer.graph.shape(node.output)[2:]:
        raise ExportError(f"{node.kind} {node.name} rounds its output's size up.")
    return made


def _same(
    sizes: tuple[int, ...],
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
    *,
    at_the_end: bool,
) -> tuple[int, ...]:
    before, after = [], []
    for size, k, s, d in zip(sizes, kernel, strides, dilations, strict=True):
        missing = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
        small, large = missing // 2, missing - missing // 2
        before.append(small if at_the_end else large)
        after.append(large if at_the_end else small)
    return (*before, *after)


def pad(
    writer: Writer,
    node: Node,
    frame: Window,
    *,
    int8: bool,
    lowest: bool = False,
    named: bool = True,
) -> tuple[int, str]:
    """Take the image that a node's window moves over, and pad it if TFLite has to be told how.

    Args:
        writer: where it is written.
        node: takes an image first.
        frame: its window.
        int8: whether it is taken in INT8.
        lowest: whether padding is below every number, instead of 0.
        named: whether TFLite's own padding will do, where it has a name.

    Returns:
        The tensor, and the name of the padding that is left.
    """
    value = writer.value(node.input)
    image = writer.take(node.input, Layout.NHWC, int8=int8)
    name = frame.padding(value.shape)
    if name == "VALID" or (name and named):
        return image, name
    sizes = list(value.sizes(Layout.NHWC))
    widths = np.zeros((4, 2), np.int32)
    widths[1:3] = np.array([frame.before, frame.after]).T
    sizes = [size + int(width.sum()) for size, width in zip(sizes, widths, strict=True)]
    quantization = value.quantization if int8 else None
    padded = writer.file.add_tensor(sizes, np.int8 if int8 else np.float32, quantization)
    given = [image, writer.file.add_constant(widths)]
    if not lowest or value.is_positive or (quantization and quantization.zero_points == (-128,)):
        writer.file.add_operator("PAD", given, [padded])
        return padded, "VALID"
    if quantization:
        number = writer.file.add_constant(np.array([-128], np.int8), quantization)
    else:
        number = writer.file.add_constant(np.array([np.finfo(np.float32).min], np.float32))
    writer.file.add_operator("PADV2", [*given, number], [padded])
    return padded, "VALID"
