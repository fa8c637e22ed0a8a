"""Values of a graph, and the tensors that hold them: in one layout or another, in FP32 or INT8.

ONNX has images as (N, C, H, W), TFLite as (N, H, W, C). A value is converted where an operator
wants it otherwise, and once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from cifarq_export.tflite.file import File, Quantization


class Layout(Enum):
    """In which order a tensor holds a value."""

    PLAIN = "as ONNX has it"
    NHWC = "an image, channels last"
    FEATURES = "an image, channels last, in one row"


TO_NHWC, FROM_NHWC = (0, 2, 3, 1), (0, 3, 1, 2)
"""The axes of a transposed image."""


@dataclass
class Value:
    """What a node gives.

    Attributes:
        shape: as ONNX has it, for a batch of one.
        quantization: how its integers are to be read; None if it is FP32 alone.
        image: (C, H, W), where it is an image in one row.
        is_positive: whether no number in it is below 0.
        tensors: that hold it, by layout and whether they are INT8.
    """

    shape: tuple[int, ...]
    quantization: Quantization | None = None
    image: tuple[int, int, int] | None = None
    is_positive: bool = False
    tensors: dict[tuple[Layout, bool], int] = field(default_factory=dict)

    @property
    def layout(self) -> Layout:
        """The layout that it was made in."""
        return next(iter(self.tensors))[0]

    def sizes(self, layout: Layout) -> tuple[int, ...]:
        """Return the sizes of a tensor that holds it in a layout."""
        return reorder(self.shape, TO_NHWC) if layout is Layout.NHWC else self.shape


def reorder(sizes: Sequence[int], axes: Sequence[int]) -> tuple[int, ...]:
    """Return sizes in the order of axes."""
    return tuple(sizes[axis] for axis in axes)


def moves_nothing(shape: Sequence[int]) -> bool:
    """Say whether an image (N, C, H, W) is the same row of numbers in both layouts."""
    return shape[1] == 1 or shape[2] * shape[3] == 1


class Converter:
    """Finds the tensor that holds a value in a form, or adds the operators that make it."""

    def __init__(self, file: File) -> None:
        self._file = file

    def tensor(self, value: Value, layout: Layout, *, int8: bool) -> int:
        """Return the tensor that holds a value in a layout, in INT8 or FP32."""
        if (layout, int8) not in value.tensors:
            if (layout, not int8) in value.tensors or (value.layout, int8) not in value.tensors:
                self._change_type(value, int8=int8)
            if (layout, int8) not in value.tensors:
                self._change_layout(value, layout, int8=int8)
        return value.tensors[layout, int8]

    def reshape(self, tensor: int, sizes: Sequence[int], made: int, axis: int = 0) -> None:
        """Add an operator that gives a tensor other sizes, whatever the batch on an axis."""
        asked = np.array(sizes, np.int32)
        asked[axis] = -1
        self._file.add_operator("RESHAPE", [tensor, self._file.add_constant(asked)], [made])

    def transpose(self, tensor: int, axes: Sequence[int], made: int) -> None:
        """Add an operator that reorders the axes of a tensor."""
        order = self._file.add_constant(np.array(axes, np.int32))
        self._file.add_operator("TRANSPOSE", [tensor, order], [made])

    def _change_type(self, value: Value, *, int8: bool) -> None:
        layout = next(layout for layout, is_int8 in value.tensors if is_int8 != int8)
        made = self._add(value, layout, value.sizes(layout), int8=int8)
        kind = "QUANTIZE" if int8 else "DEQUANTIZE"
        self._file.add_operator(kind, [value.tensors[layout, not int8]], [made])

    def _change_layout(self, value: Value, layout: Layout, *, int8: bool) -> None:
        start = value.tensors[value.layout, int8]
        if value.layout is Layout.FEATURES:
            assert value.image is not None
            channels, height, width = value.image
            image = Value((1, channels, height, width), value.quantization)
            image.tensors[Layout.NHWC, int8] = self._scratch(
                value, (1, height, width, channels), int8=int8
            )
            self.reshape(start, (1, height, width, channels), image.tensors[Layout.NHWC, int8])
            start = self.tensor(image, Layout.PLAIN, int8=int8)
            self.reshape(start, value.shape, self._add(value, layout, value.shape, int8=int8))
            return
        sizes = value.sizes(layout)
        made = self._add(value, layout, sizes, int8=int8)
        if moves_nothing(value.shape):
            self.reshape(start, sizes, made)
        else:
            self.transpose(start, TO_NHWC if layout is Layout.NHWC else FROM_NHWC, made)

    def _add(self, value: Value, layout: Layout, sizes: Sequence[int], *, int8: bool) -> int:
        value.tensors[layout, int8] = self._scratch(value, sizes, int8=int8)
        return value.tensors[layout, int8]

    def _scratch(self, value: Value, sizes: Sequence[int], *, int8: bool) -> int:
        if int8:
            return self._file.add_tensor(sizes, np.int8, value.quantization)
        return self._file.add_tensor(sizes, np.float32)
