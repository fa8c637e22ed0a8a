"""An ONNX graph as the writer reads it: for a batch of one, with every size and constant known."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from cifarq_export.int8 import onnx_graph
from edge_runtime.errors import ExportError

_SMALL = 64
"""Numbers up to which a constant may be a size or a place; weights are more."""


@dataclass(frozen=True)
class Node:
    """A node.

    Attributes:
        name, kind: its own, and its operator's.
        inputs: names of values; those that are left out at the end are not here.
        outputs: names of values.
        attributes: by name.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def input(self) -> str:
        """The first input."""
        return self.inputs[0]

    @property
    def output(self) -> str:
        """The first output."""
        return self.outputs[0]

    def optional_input(self, at: int) -> str:
        """Return an input, '' if it is left out."""
        return self.inputs[at] if at < len(self.inputs) else ""


class Graph:
    """A graph without what can be computed before it runs.

    Attributes:
        nodes: in order; a dequantize node of constants is one of them.
        constants: values that are known.
        of_batch: the constants among them that would be others for another batch.
        shapes: sizes of values, the batch's being 1.
        input, output: the names of what goes in and comes out.
        dtype: of what goes in.
    """

    def __init__(self, model: Any) -> None:
        """Read a model, of which nothing is changed."""
        graph = model.graph
        self.input, self.output = graph.input[0].name, graph.output[0].name
        self.dtype = helper.tensor_dtype_to_np_dtype(graph.input[0].type.tensor_type.elem_type)
        one, two = (_Folded(model, batch) for batch in (1, 2))
        self.constants, self.shapes = one.constants, one.shapes
        self.of_batch = {
            name
            for name, value in one.constants.items()
            if name in two.constants and not np.array_equal(value, two.constants[name])
        }
        self._twice = two.shapes
        self.nodes = tuple(_node(entry) for entry in one.entries)
        self._consumers: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in node.inputs:
                self._consumers.setdefault(name, []).append(node)

    def consumers(self, name: str) -> list[Node]:
        """Return the nodes that take a value."""
        return self._consumers.get(name, [])

    def only_consumer(self, name: str) -> Node | None:
        """Return the one node that takes a value; None if that is the output, or there are more."""
        taking = self.consumers(name)
        return taking[0] if len(taking) == 1 and name != self.output else None

    def batch_axis(self, name: str) -> int:
        """Return the axis of a value that grows with the batch; the first if none does.

        Raises:
            ExportError: more than one does.
        """
        one, two = self.shape(name), self._twice.get(name, ())
        axes = [i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b]
        if len(axes) > 1:
            raise ExportError(f"more than one axis of {name} grows with the batch.")
        return axes[0] if axes else 0

    def shape(self, name: str) -> tuple[int, ...]:
        """Return a value's sizes.

        Raises:
            ExportError: they are not known.
        """
        if name in self.constants:
            return self.constants[name].shape
        if name not in self.shapes:
            raise ExportError(f"the size of {name} depends on what goes into the model.")
        return self.shapes[name]


class _Folded:
    """A graph's nodes, constants and sizes for one batch size, folded as far as they go."""

    def __init__(self, model: Any, batch: int) -> None:
        self.entries = list(model.graph.node)
        self.constants = {
            tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer
        }
        self._opset = onnx_graph.opset(model)
        while True:
            self.shapes = _shapes(model, batch, self.constants, self.entries)
            left = [entry for entry in self.entries if not self._fold(entry)]
            if len(left) == len(self.entries):
                break
            self.entries = left

    def _fold(self, entry: Any) -> bool:
        """Compute what a node gives, if that is known before the graph runs."""
        if entry.op_type == "Shape" and entry.input[0] in self.shapes:
            start = onnx_graph.attribute(entry, "start") or 0
            shape = self.shapes[entry.input[0]][start : onnx_graph.attribute(entry, "end")]
            self.constants[entry.output[0]] = np.array(shape, np.int64)
            return True
        if entry.op_type in (*onnx_graph.CONVERSIONS, "Expand"):
            return False
        if not all(name in self.constants for name in entry.input if name):
            return False
        given = {name: self.constants[name] for name in entry.input if name}
        node = _runnable(entry, given, self._opset)
        self.constants |= zip(entry.output, node.run(None, given), strict=True)
        return True


def _runnable(entry: Any, given: dict[str, NDArray[Any]], opset: int) -> Any:
    inputs = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
        )
        for name, value in given.items()
    ]
    outputs = [helper.make_empty_tensor_value_info(name) for name in entry.output]
    graph = helper.make_graph([entry], "one node", inputs, outputs)
    imports = [helper.make_opsetid("", opset)]
    return ReferenceEvaluator(helper.make_model(graph, opset_imports=imports))


def _shapes(
    model: Any, batch: int, constants: dict[str, NDArray[Any]], entries: list[Any]
) -> dict[str, tuple[int, ...]]:
    """Return the sizes that ONNX infers for a batch; those it cannot tell are left out."""
    graph = onnx.GraphProto(name="sizes", node=entries, input=model.graph.input[:1])
    graph.input[0].type.tensor_type.shape.dim[0].dim_value = batch
    graph.output.append(helper.make_empty_tensor_value_info(model.graph.output[0].name))
    for name, value in constants.items():
        if value.size > _SMALL:  # nothing depends on its numbers
            kind = helper.np_dtype_to_tensor_dtype(value.dtype)
            graph.input.append(helper.make_tensor_value_info(name, kind, value.shape))
        else:
            graph.initializer.append(numpy_helper.from_array(value, name))
    whole = helper.make_model(graph, opset_imports=model.opset_import)
    inferred = onnx.shape_inference.infer_shapes(whole, data_prop=True).graph
    return dict(_known_sizes([*inferred.value_info, *inferred.input, *inferred.output]))


def _known_sizes(values: list[Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    for value in values:
        kind = value.type.tensor_type
        sizes = tuple(axis.dim_value for axis in kind.shape.dim)
        known = all(axis.HasField("dim_value") for axis in kind.shape.dim)
        if kind.HasField("shape") and known:
            yield value.name, sizes


def _node(entry: Any) -> Node:
    inputs = list(entry.input)
    while inputs and not inputs[-1]:
        inputs.pop()
    return Node(
        entry.name,
        entry.op_type,
        tuple(inputs),
        tuple(entry.output),
        {a.name: helper.get_attribute_value(a) for a in entry.attribute},
    )
