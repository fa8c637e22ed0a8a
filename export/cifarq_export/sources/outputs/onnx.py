"""An ONNX graph that answers logits, made from one that answers something else."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from cifarq_export.int8 import onnx_graph, runtime
from cifarq_export.sources.outputs.heads import Head, Output, choose
from cifarq_export.sources.outputs.meaning import MOST_CERTAIN, SMALLEST, Meaning

_SHAPES_ONLY = ("Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze")
_LAST = {Meaning.EXCLUSIVE: "Softmax", Meaning.INDEPENDENT: "Sigmoid"}


def keep_head(
    model: Any, wanted: str | None, shape: tuple[int | str, ...], *, classes: int, given: str
) -> tuple[Any, Head]:
    """Return a copy with the classifier's output alone, as numbers (N, width).

    Args:
        model: the graph.
        wanted: the name of the output; None if it is to be told from the shapes.
        shape: (N, C, H, W) of the input; ``N``, or the batch size that is fixed.
        classes: how many there are.
        given: what the model is called in messages.

    Raises:
        UsageError, ExportError: see ``heads.choose``.
        EngineError: ONNX Runtime refuses the graph.
    """
    batch, *sizes = shape
    images = batch if isinstance(batch, int) else 2
    answers = runtime.open_model(model, given).run_all(np.zeros((images, *sizes), np.float32))
    outputs = [
        Output(name, getattr(answer, "shape", ()), str(getattr(answer, "dtype", "not an array")))
        for name, answer in answers.items()
    ]
    head = choose(outputs, wanted, images=images, classes=classes, given=given)
    copy = onnx_graph.copy_model(model)
    if len(outputs) > 1:
        _drop(copy.graph.output, lambda output: output.name != head.name)
        _prune(copy.graph)
    if head.flatten:
        flat = _add(copy.graph, "Flatten", head.name, axis=1)
        _end_with(copy.graph, flat, head.width, batch)
    return copy, head


def answer_logits(model: Any, width: int, meaning: Meaning, batch: int | str) -> tuple[Any, bool]:
    """Return a copy that answers the logits for a model's numbers (N, width).

    And whether the operator was cut off for it that made probabilities of logits.
    """
    copy = onnx_graph.copy_model(model)
    graph = copy.graph
    is_cut = meaning is not Meaning.LOGITS and _cut(graph, _LAST[meaning])
    if meaning is not Meaning.LOGITS and not is_cut:
        _end_with(graph, _add_logits(graph, meaning), width, batch)
    if width == 1:
        before = graph.output[0].name
        both = _add(graph, "Pad", before, np.array([0, 1, 0, 0]), np.float32(0))
        _end_with(graph, both, 2, batch)
    return copy, is_cut


def _cut(graph: Any, operator: str) -> bool:
    """Cut off the operator at a graph's end; say whether it was there.

    Operators that only change the shape may follow it.
    """
    makers = {output: node for node in graph.node for output in node.output}
    after, last = None, makers.get(graph.output[0].name)
    while last is not None and last.op_type in _SHAPES_ONLY:
        after, last = last, makers.get(last.input[0])
    if last is None or (last.domain, last.op_type) != ("", operator):
        return False
    if after is None:
        graph.output[0].name = last.input[0]
    else:
        after.input[0] = last.input[0]
    _prune(graph)
    return True


def _add_logits(graph: Any, meaning: Meaning) -> str:
    """Add the logits of the probabilities that a graph answers, and return their name."""
    given = graph.output[0].name
    logarithm = _add_logarithm(graph, given, SMALLEST)
    if meaning is Meaning.EXCLUSIVE:
        return logarithm
    rest = _add(graph, "Sub", np.float32(1), given)
    return _add(graph, "Sub", logarithm, _add_logarithm(graph, rest, MOST_CERTAIN))


def _add_logarithm(graph: Any, given: str, least: float) -> str:
    return _add(graph, "Log", _add(graph, "Clip", given, np.float32(least)))


def _add(graph: Any, operator: str, *inputs: Any, **attributes: Any) -> str:
    """Add a node whose inputs are tensors' names and constants, and return its output's name."""
    name = f"output_{len(graph.node)}_{operator.lower()}"
    names = [v if isinstance(v, str) else f"{name}_{place}" for place, v in enumerate(inputs)]
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), known_as)
        for value, known_as in zip(inputs, names, strict=True)
        if not isinstance(value, str)
    )
    graph.node.append(helper.make_node(operator, names, [name], name, **attributes))
    return name


def _end_with(graph: Any, name: str, width: int, batch: int | str) -> None:
    kind = onnx.TensorProto.FLOAT
    graph.output[0].CopyFrom(helper.make_tensor_value_info(name, kind, [batch, width]))


def _prune(graph: Any) -> None:
    """Remove the nodes and weights that no output needs; nodes stand in the order they run in."""
    needed = {output.name for output in graph.output}
    kept = set()
    for node in reversed(graph.node):
        if not needed.isdisjoint(filter(None, node.output)):
            kept.add(node.name)
            needed.update(_reads(node))
    _drop(graph.node, lambda node: node.name not in kept)
    _drop(graph.initializer, lambda tensor: tensor.name not in needed)
    _drop(graph.value_info, lambda value: value.name not in needed)


def _reads(node: Any) -> Iterator[str]:
    """Yield the tensors that a node reads, those of the graphs inside it too."""
    yield from node.input
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            yield from (output.name for output in inner.output)
            for inside in inner.node:
                yield from _reads(inside)


def _drop(field: Any, unwanted: Callable[[Any], bool]) -> None:
    for place in reversed(range(len(field))):
        if unwanted(field[place]):
            del field[place]
