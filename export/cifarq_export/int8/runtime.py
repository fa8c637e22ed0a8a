"""What ONNX Runtime makes of a model in memory: sessions, optimised graphs, a folded graph."""

from pathlib import Path
from typing import Any

import onnx
import onnxruntime
from onnx import helper, numpy_helper

from cifarq_export.int8 import onnx_graph
from edge_runtime.engines.onnxruntime import OrtSession, open_session
from edge_runtime.errors import EngineError, ExportError, reason

BASIC = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
"""Folds constants and batch norms; the graph stays standard ONNX."""
EXTENDED = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
"""Fuses quantized operators too; weights keep their shapes."""
ALL = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
"""What a device runs: layouts are changed as well."""


class NamedSession:
    """A session on one thread whose errors name the model."""

    def __init__(self, session: OrtSession, name: str) -> None:
        self._name = name
        self.inner = session.inner

    def run(self, batch: Any) -> Any:
        """Map a batch to the first output.

        Raises:
            EngineError: ONNX Runtime fails on it.
        """
        return next(iter(self.run_all(batch).values()))

    def run_all(self, batch: Any) -> dict[str, Any]:
        """Map a batch to every output, by name.

        Raises:
            EngineError: ONNX Runtime fails on it.
        """
        names = [output.name for output in self.inner.get_outputs()]
        given = {self.inner.get_inputs()[0].name: batch}
        try:
            return dict(zip(names, self.inner.run(names, given), strict=True))
        except Exception as error:  # its exceptions share no base class of their own
            raise EngineError(f"ONNX Runtime cannot run {self._name}: {reason(error)}") from error


def open_model(model: Any, name: str, options: Any = None) -> NamedSession:
    """Open a model in ONNX Runtime, on one thread: the same sums in the same order everywhere.

    Args:
        model: a ``ModelProto``.
        name: what to call it if it is refused.
        options: ``SessionOptions``, if others than the default ones.

    Raises:
        EngineError: ONNX Runtime refuses it: an unsupported operator, for instance.
    """
    return NamedSession(open_session(model.SerializeToString(), name, options=options), name)


def optimise(model: Any, level: Any, scratch: Path) -> Any:
    """Return the graph that ONNX Runtime makes of a model at an optimisation level."""
    path = scratch / "optimised.onnx"
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.optimized_model_filepath = str(path)
    open_model(model, "the model", options)
    try:
        graph = onnx.load(path)
    except OSError as error:
        raise ExportError(f"ONNX Runtime could not write to {scratch}: {reason(error)}.") from error
    path.unlink()
    return graph


def fold(model: Any, scratch: Path) -> Any:
    """Return a model ready to be quantized: batch norms and constants folded, means as pools."""
    return _replace_means(onnx_graph.prepare(optimise(model, BASIC, scratch)))


def _replace_means(model: Any) -> Any:
    """Turn means over height and width into GlobalAveragePool, which has an INT8 kernel."""
    inferred = onnx.shape_inference.infer_shapes(model).graph
    ranks = {v.name: len(v.type.tensor_type.shape.dim) for v in inferred.value_info}
    constants = {t.name: t for t in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type != "ReduceMean" or ranks.get(node.input[0]) != 4:
            continue
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        axes = attributes.get("axes", ())
        if len(node.input) > 1 and node.input[1] in constants:
            axes = numpy_helper.to_array(constants[node.input[1]])
        if sorted(int(axis) % 4 for axis in axes) == [2, 3] and attributes.get("keepdims", 1):
            node.op_type = "GlobalAveragePool"
            node.ClearField("attribute")
            del node.input[1:]
    return model


def count_conversions(model: Any, scratch: Path) -> int:
    """Count QuantizeLinear and DequantizeLinear nodes that are left between two integer kernels.

    In the graph that ONNX Runtime runs: each is a pass over an activation that fusing should have
    removed. One after the input or before the output is no such node.
    """
    nodes = list(optimise(model, ALL, scratch).graph.node)
    after, before = _reached(nodes), _reached(nodes, backwards=True)
    return sum(
        node.op_type in onnx_graph.CONVERSIONS and node.name in after and node.name in before
        for node in nodes
    )


def _reached(nodes: list[Any], *, backwards: bool = False) -> set[str]:
    """Return the nodes that come after an integer operator, or before one."""
    values: set[str] = set()
    names: set[str] = set()
    for node in reversed(nodes) if backwards else nodes:
        given, passed_on = (node.output, node.input) if backwards else (node.input, node.output)
        touched = not values.isdisjoint(name for name in given if name)
        if touched:
            names.add(node.name)
        if touched or node.op_type.startswith(onnx_graph.INTEGER):
            values.update(name for name in passed_on if name)
    return names
