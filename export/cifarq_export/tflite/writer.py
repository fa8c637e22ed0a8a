"""The writer: goes through an ONNX graph, and lets each operator write itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cifarq_export.tflite.file import File, Quantization
from cifarq_export.tflite.graph import Graph, Node
from cifarq_export.tflite.values import TO_NHWC, Converter, Layout, Value
from edge_runtime.errors import ExportError

_SIX = 6.0
_IMAGE = 4  # axes


@dataclass(frozen=True)
class Constant:
    """Numbers that are known before the graph runs, or integers that stand for them."""

    data: NDArray[Any]
    quantization: Quantization | None = None

    @property
    def numbers(self) -> NDArray[Any]:
        """What it stands for."""
        if self.quantization is None:
            return self.data
        meaning = (self.quantization.scales, self.quantization.zero_points)
        scales, points = (np.array(numbers, np.float32) for numbers in meaning)
        if len(scales) > 1:
            axes = [i for i in range(self.data.ndim) if i != self.quantization.axis]
            scales, points = (np.expand_dims(numbers, axes) for numbers in (scales, points))
        return (self.data.astype(np.float32) - points) * scales

    def transpose(self, axes: Sequence[int]) -> "Constant":
        """Return it with its axes in another order."""
        turned = self.data.transpose(axes)
        if self.quantization is None:
            return Constant(turned)
        axis = tuple(axes).index(self.quantization.axis)
        return Constant(turned, replace(self.quantization, axis=axis))

    def reshape(self, sizes: Sequence[int]) -> "Constant":
        """Return it with other sizes; the axis of its quantization keeps its place."""
        return replace(self, data=self.data.reshape(sizes))


class Writer:
    """What operators write themselves to.

    Attributes:
        file: the file.
        graph: what it is written from.
    """

    def __init__(self, graph: Graph, operators: dict[str, Callable[["Writer", Node], None]]):
        self.file = File()
        self.graph = graph
        self._operators = operators
        self._convert = Converter(self.file)
        self._values: dict[str, Value] = {}
        self._constants: dict[str, Constant] = {}
        self._written: set[str] = set()  # with another node, by their names

    def write(self) -> bytes:
        """Return the file.

        Raises:
            ExportError: the graph has an operator that cannot be written.
        """
        graph = self.graph
        entry = Value(graph.shape(graph.input))
        layout = Layout.NHWC if len(entry.shape) == _IMAGE else Layout.PLAIN
        given = self.file.add_tensor(entry.sizes(layout), graph.dtype, None, graph.input)
        entry.tensors[layout, False] = given
        self._values[graph.input] = entry
        for node in graph.nodes:
            if node.name not in self._written:
                self._operators[node.kind](self, node)
        made = self.take_float(graph.output, Layout.PLAIN)
        return self.file.content([given], [made])

    # What a node takes.

    def value(self, name: str) -> Value:
        """Return a value that depends on the input.

        Raises:
            ExportError: it does not.
        """
        if name not in self._values:
            raise ExportError(f"{name} is a constant, where TFLite takes what a model computes.")
        return self._values[name]

    def is_known(self, name: str) -> bool:
        """Say whether a value is known before the graph runs."""
        return name not in self._values

    def constant(self, node: Node, name: str) -> Constant:
        """Return a value that is known before the graph runs.

        Raises:
            ExportError: it is not.
        """
        if name in self._constants:
            return self._constants[name]
        if name not in self.graph.constants:
            raise ExportError(
                f"{node.kind} {node.name} takes {name} from the model, where TFLite takes "
                "constants."
            )
        return Constant(self.graph.constants[name])

    def numbers(self, node: Node, name: str) -> NDArray[Any]:
        """Return the numbers of a value that is known before the graph runs.

        Raises:
            ExportError: it is not, or depends on the batch.
        """
        if name in self.graph.of_batch:
            raise ExportError(f"{node.kind} {node.name} takes {name}, which depends on the batch.")
        return self.constant(node, name).numbers

    def hold(self, constant: Constant, *, int8: bool) -> int:
        """Return a tensor of a constant, as integers or as FP32.

        The file holds INT8 as such: for who takes FP32 it is dequantized when it is loaded.
        """
        if not int8 and constant.data.dtype != np.int8:
            return self.file.add_constant(np.asarray(constant.numbers))
        held = self.file.add_constant(constant.data, constant.quantization)
        if int8:
            return held
        made = self.file.add_tensor(constant.data.shape, np.float32)
        self.file.add_operator("DEQUANTIZE", [held], [made])
        return made

    def layout(self, name: str) -> Layout:
        """Return the layout that a value was made in; a constant has any."""
        return Layout.PLAIN if self.is_known(name) else self.value(name).layout

    def take_float(self, name: str, layout: Layout) -> int:
        """Return the FP32 tensor that holds a value in a layout."""
        if name in self._values:
            return self._convert.tensor(self._values[name], layout, int8=False)
        constant = self._constants.get(name) or Constant(self.graph.constants[name])
        return self.hold(_spread(constant, layout), int8=False)

    def take_int8(self, name: str, layout: Layout, wanted: Quantization | None = None) -> int:
        """Return the INT8 tensor that holds a value in a layout.

        Args:
            name: the value's.
            layout: the tensor's.
            wanted: what its integers are to mean, if not what they mean already.
        """
        if name in self._constants:
            return self.hold(_spread(self._constants[name], layout), int8=True)
        value = self._values[name]
        held = self._convert.tensor(value, layout, int8=True)
        if wanted is None or wanted == value.quantization:
            return held
        other = self.file.add_tensor(value.sizes(layout), np.int8, wanted)
        self.file.add_operator("QUANTIZE", [held], [other])
        return other

    def take(self, name: str, layout: Layout, *, int8: bool) -> int:
        """Return the tensor that holds a value in a layout, in INT8 or FP32."""
        return self.take_int8(name, layout) if int8 else self.take_float(name, layout)

    def bias(self, node: Node, weights: Constant, *, int8: bool) -> int:
        """Return a tensor of a node's biases, its third input; of zeros where it has none.

        Args:
            node: takes an activation, weights and biases.
            weights: the output's axis first.
            int8: whether it computes in INT8.
        """
        if name := node.optional_input(2):
            return self.hold(self.constant(node, name), int8=int8)
        count = len(weights.data)
        if not int8:
            return self.file.add_constant(np.zeros(count, np.float32))
        taken = self.value(node.input).quantization
        assert taken is not None and weights.quantization is not None
        scales = [taken.scales[0] * scale for scale in weights.quantization.scales]
        meaning = Quantization(tuple(scales), (0,) * len(scales))
        return self.file.add_constant(np.zeros(count, np.int32), meaning)

    # What a node gives.

    def give(
        self,
        name: str,
        layout: Layout,
        quantization: Quantization | None = None,
        *,
        image: tuple[int, int, int] | None = None,
        is_positive: bool = False,
    ) -> int:
        """Add the tensor that holds what a node gives, in INT8 if its quantization is given."""
        value = Value(self.graph.shape(name), quantization, image, is_positive)
        sizes = value.sizes(layout)
        if quantization:
            made = self.file.add_tensor(sizes, np.int8, quantization)
        else:
            named = name if name == self.graph.output else None
            made = self.file.add_tensor(sizes, np.float32, None, named)
        value.tensors[layout, quantization is not None] = made
        self._values[name] = value
        return made

    def alias(self, name: str, value: Value) -> None:
        """Let what a node gives be a value that there is already."""
        self._values[name] = value

    def int8(self, inputs: Sequence[str], output: str) -> Quantization | None:
        """Return what the integers mean that a node is to give; None where it computes in FP32.

        It computes in INT8 where all that it takes is INT8, and all that takes its output too.
        """
        if not all(self._is_int8(name) for name in inputs) or output == self.graph.output:
            return None
        taking = self.graph.consumers(output)
        if not taking or any(node.kind != "QuantizeLinear" for node in taking):
            return None
        meanings = {self.quantization(node) for node in taking}
        return meanings.pop() if len(meanings) == 1 else None

    def _is_int8(self, name: str) -> bool:
        if name in self._values:
            return self._values[name].quantization is not None
        return name in self._constants

    def fuse_activation(self, output: str) -> tuple[str, str]:
        """Take the activation that follows a node into it, if there is one that TFLite has.

        Returns:
            Its name in the schema, and the name of what comes out then.
        """
        following = self.graph.only_consumer(output)
        if following is None:
            return "NONE", output
        kind = activation(self, following)
        if kind == "NONE":
            return kind, output
        self._written.add(following.name)
        return kind, following.output

    # Quantize and dequantize nodes.

    def quantization(self, node: Node) -> Quantization:
        """Return what the integers of a quantize or dequantize node mean.

        Raises:
            ExportError: they are not signed.
        """
        scales = np.atleast_1d(self.numbers(node, node.inputs[1]))
        points = node.optional_input(2)
        zero_points = self.numbers(node, points) if points else np.zeros(1, np.int8)
        if zero_points.dtype == np.uint8:
            raise ExportError(f"{node.name}: TFLite wants signed integers.")
        zero_points = np.broadcast_to(zero_points, scales.shape)
        axis = node.attributes.get("axis", 1) if len(scales) > 1 else 0
        return Quantization(tuple(scales.tolist()), tuple(zero_points.tolist()), axis)

    def quantize(self, node: Node) -> None:
        """Write a quantize node: nothing, where what it takes was made in INT8."""
        value, meaning = self.value(node.input), self.quantization(node)
        if value.quantization is None:
            made = Value(value.shape, meaning, value.image, value.is_positive)
            layout = value.layout
            held = self._convert.tensor(value, layout, int8=False)
            made.tensors[layout, True] = self.file.add_tensor(value.sizes(layout), np.int8, meaning)
            self.file.add_operator("QUANTIZE", [held], [made.tensors[layout, True]])
            value = made
        elif value.quantization != meaning:
            layout = value.layout
            made = Value(value.shape, meaning, value.image, value.is_positive)
            made.tensors[layout, True] = self.take_int8(node.input, layout, meaning)
            value = made
        self._values[node.output] = value

    def remember_integers(self, node: Node) -> None:
        """Write a dequantize node: nothing yet, who takes its output says how."""
        if node.input in self._values:
            value = self._values[node.input]
            if value.quantization != self.quantization(node):
                raise ExportError(f"{node.name} reads integers by another scale than its tensor's.")
            self._values[node.output] = value
            return
        integers = self.graph.constants[node.input]
        self._constants[node.output] = Constant(integers, self.quantization(node))

    # Shapes.

    def reshape(self, tensor: int, sizes: Sequence[int], made: int, axis: int = 0) -> None:
        """Add an operator that gives a tensor other sizes, whatever the batch on an axis."""
        self._convert.reshape(tensor, sizes, made, axis)

    def transpose(self, tensor: int, axes: Sequence[int], made: int) -> None:
        """Add an operator that reorders the axes of a tensor."""
        self._convert.transpose(tensor, axes, made)


def activation(writer: Writer, node: Node) -> str:
    """Return the activation that a node is, as the schema calls it; NONE if it is no such."""
    if node.kind == "Relu":
        return "RELU"
    if node.kind == "Clip":
        bounds = [node.optional_input(at) for at in (1, 2)]
        low, high = (float(writer.numbers(node, name)) if name else None for name in bounds)
        if low == 0:
            return {None: "RELU", _SIX: "RELU6"}.get(high, "NONE")
    return "NONE"


def _spread(constant: Constant, layout: Layout) -> Constant:
    """Return a constant as it is broadcast over images in a layout."""
    data = constant.data
    if layout is not Layout.NHWC or data.ndim == 0:
        return constant
    return constant.reshape((1,) * (_IMAGE - data.ndim) + data.shape).transpose(TO_NHWC)
