"""What moves numbers and computes none: reshaping, transposing, joining, cutting."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cifarq_export.tflite.file import Quantization
from cifarq_export.tflite.graph import Node
from cifarq_export.tflite.values import FROM_NHWC, TO_NHWC, Layout, Value, moves_nothing, reorder
from cifarq_export.tflite.writer import Writer
from edge_runtime.errors import ExportError

_IMAGE = 4  # axes


def _kept(writer: Writer, node: Node) -> Quantization | None:
    """Return what integers mean that are only moved; None where FP32 is."""
    if writer.int8([node.input], node.output) is None:
        return None
    return writer.value(node.input).quantization


def pass_on(writer: Writer, node: Node) -> None:
    """Write nothing for a node that gives what it takes."""
    writer.alias(node.output, writer.value(node.input))


def reshape(writer: Writer, node: Node) -> None:
    """Write whatever gives a value other sizes; an image that is put in a row stays as it is."""
    value, sizes = writer.value(node.input), writer.graph.shape(node.output)
    kept = _kept(writer, node)
    is_image = value.layout is Layout.NHWC and len(value.shape) == _IMAGE
    in_a_row = len(sizes) == 2 and sizes[0] == value.shape[0]
    if is_image and in_a_row and not moves_nothing(value.shape):
        image = (value.shape[1], value.shape[2], value.shape[3])
        taken = writer.take(node.input, Layout.NHWC, int8=kept is not None)
        made = writer.give(
            node.output, Layout.FEATURES, kept, image=image, is_positive=value.is_positive
        )
    else:
        as_it_is = is_image and moves_nothing(value.shape)
        layout = Layout.NHWC if as_it_is else Layout.PLAIN
        taken = writer.take(node.input, layout, int8=kept is not None)
        made = writer.give(node.output, Layout.PLAIN, kept, is_positive=value.is_positive)
    writer.reshape(taken, sizes, made, writer.graph.batch_axis(node.output))


def expand(writer: Writer, node: Node) -> None:
    """Write an Expand of a constant to the batch, as a sum with a number of each image times 0.

    Raises:
        ExportError: it expands anything else.
    """
    sizes = writer.graph.shape(node.output)
    if not writer.is_known(node.input):
        if writer.graph.shape(node.input) != sizes:
            raise ExportError(f"Expand {node.name} repeats what the model computes.")
        pass_on(writer, node)
        return
    constant = np.asarray(writer.numbers(node, node.input), np.float32)
    if np.broadcast_shapes(constant.shape, (1, *sizes[1:])) != sizes:
        raise ExportError(f"Expand {node.name} repeats more than a batch.")
    entry = writer.value(writer.graph.input)
    taken = writer.take_float(writer.graph.input, entry.layout)
    rank = len(entry.shape)
    first = [np.zeros(rank, np.int32), np.ones(rank, np.int32), np.ones(rank, np.int32)]
    file, one = writer.file, [1] * rank
    number = file.add_tensor(one, np.float32)
    given = [taken, *(file.add_constant(numbers) for numbers in first)]
    file.add_operator("STRIDED_SLICE", given, [number], beginMask=1, endMask=1)
    nothing = file.add_tensor(one, np.float32)
    file.add_operator("MUL", [number, file.add_constant(np.zeros(1, np.float32))], [nothing])
    zeros = file.add_tensor([1] * len(sizes), np.float32)
    writer.reshape(nothing, [1] * len(sizes), zeros)
    made = writer.give(node.output, Layout.PLAIN)
    whole = np.broadcast_to(constant, sizes)
    file.add_operator("ADD", [zeros, file.add_constant(whole)], [made])


def transpose(writer: Writer, node: Node) -> None:
    """Write a Transpose: nothing, where an image is only seen in the other layout."""
    value = writer.value(node.input)
    axes = tuple(node.attributes.get("perm", range(len(value.shape))[::-1]))
    kept = _kept(writer, node)
    int8 = kept is not None
    seen = None
    if axes == TO_NHWC and (Layout.NHWC, int8) in value.tensors:
        seen = Value(reorder(value.shape, axes), kept, None, value.is_positive)
        seen.tensors[Layout.PLAIN, int8] = value.tensors[Layout.NHWC, int8]
    if axes == FROM_NHWC and (Layout.PLAIN, int8) in value.tensors:
        seen = Value(reorder(value.shape, axes), kept, None, value.is_positive)
        seen.tensors[Layout.NHWC, int8] = value.tensors[Layout.PLAIN, int8]
    if seen:
        writer.alias(node.output, seen)
        return
    taken = writer.take(node.input, Layout.PLAIN, int8=int8)
    made = writer.give(node.output, Layout.PLAIN, kept, is_positive=value.is_positive)
    writer.transpose(taken, axes, made)


def join(writer: Writer, node: Node) -> None:
    """Write a Concat; what is joined has to mean the same, and is converted if it does not."""
    meaning = writer.int8(node.inputs, node.output)
    layout, axis = _along(writer, node.inputs, node.output, int(node.attributes["axis"]))
    if meaning:
        given = [writer.take_int8(name, layout, meaning) for name in node.inputs]
    else:
        given = [writer.take_float(name, layout) for name in node.inputs]
    made = writer.give(node.output, layout, meaning)
    writer.file.add_operator("CONCATENATION", given, [made], axis=axis)


def _along(writer: Writer, inputs: Sequence[str], output: str, axis: int) -> tuple[Layout, int]:
    """Return the layout to work in, and an axis in it."""
    rank = len(writer.graph.shape(output))
    axis %= rank
    if rank == _IMAGE and any(writer.layout(name) is Layout.NHWC for name in inputs):
        return Layout.NHWC, TO_NHWC.index(axis)
    return Layout.PLAIN, axis


def split(writer: Writer, node: Node) -> None:
    """Write a Split, whose outputs mean what its input meant."""
    meanings = [writer.int8([node.input], name) for name in node.outputs]
    kept = writer.value(node.input).quantization if all(meanings) else None
    layout, axis = _along(writer, [node.input], node.output, int(node.attributes.get("axis", 0)))
    lengths = [writer.graph.shape(name) for name in node.outputs]
    at = int(node.attributes.get("axis", 0))
    sizes = np.array([shape[at] for shape in lengths], np.int32)
    given = [
        writer.take(node.input, layout, int8=kept is not None),
        writer.file.add_constant(sizes),
        writer.file.add_constant(np.array(axis, np.int32)),
    ]
    made = [writer.give(name, layout, kept) for name in node.outputs]
    writer.file.add_operator("SPLIT_V", given, made, numSplits=len(made))


def cut(writer: Writer, node: Node) -> None:
    """Write a Slice."""
    value = writer.value(node.input)
    starts, ends = (writer.numbers(node, node.inputs[at]) for at in (1, 2))
    names = [node.optional_input(at) for at in (3, 4)]
    axes = writer.numbers(node, names[0]) if names[0] else np.arange(len(starts))
    steps = writer.numbers(node, names[1]) if names[1] else np.ones(len(starts), np.int64)
    rank = len(value.shape)
    whole = [slice(None)] * rank
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        size = value.shape[axis]
        whole[axis] = slice(*slice(int(start), int(end), int(step)).indices(size))
    if any((part.step or 1) < 1 for part in whole):
        raise ExportError(f"Slice {node.name} goes backwards.")
    layout, _ = _along(writer, [node.input], node.output, 0)
    if layout is Layout.NHWC:
        whole = [whole[axis] for axis in TO_NHWC]
    _cut(writer, node, layout, whole)


def _cut(writer: Writer, node: Node, layout: Layout, whole: list[slice]) -> None:
    kept = _kept(writer, node)
    bounds = np.array([[p.start or 0, p.stop or 0, p.step or 1] for p in whole], np.int32)
    open_ = sum(1 << i for i, part in enumerate(whole) if part.start is part.stop is None)
    given = [writer.take(node.input, layout, int8=kept is not None)]
    given += [writer.file.add_constant(column) for column in bounds.T]
    made = writer.give(node.output, layout, kept)
    writer.file.add_operator("STRIDED_SLICE", given, [made], beginMask=open_, endMask=open_)


def gather(writer: Writer, node: Node) -> None:
    """Write a Gather at constant places."""
    places = writer.numbers(node, node.inputs[1])
    axis = int(node.attributes.get("axis", 0)) % len(writer.graph.shape(node.input))
    size = writer.graph.shape(node.input)[axis]
    kept = _kept(writer, node)
    given = [
        writer.take(node.input, Layout.PLAIN, int8=kept is not None),
        writer.file.add_constant((places % size).astype(np.int32)),
    ]
    made = writer.give(node.output, Layout.PLAIN, kept)
    writer.file.add_operator("GATHER", given, [made], axis=axis)


def pad(writer: Writer, node: Node) -> None:
    """Write a Pad with a constant number."""
    value = writer.value(node.input)
    if node.attributes.get("mode", b"constant") != b"constant":
        raise ExportError(f"Pad {node.name}: only a constant number can be padded with.")
    name = node.optional_input(2)
    number = float(writer.numbers(node, name)) if name else 0.0
    widths = writer.numbers(node, node.inputs[1]).reshape(2, -1).T.astype(np.int32)
    kept = _kept(writer, node) if number == 0 else None
    layout, _ = _along(writer, [node.input], node.output, 0)
    if layout is Layout.NHWC:
        widths = widths[list(TO_NHWC)]
    given = [
        writer.take(node.input, layout, int8=kept is not None),
        writer.file.add_constant(widths),
    ]
    made = writer.give(node.output, layout, kept, is_positive=value.is_positive and number >= 0)
    if number == 0:
        writer.file.add_operator("PAD", given, [made])
    else:
        given.append(writer.file.add_constant(np.array([number], np.float32)))
        writer.file.add_operator("PADV2", given, [made])


def cast(writer: Writer, node: Node) -> None:
    """Write a Cast of the input's bytes to FP32; no other makes sense in a classifier."""
    value = writer.value(node.input)
    taken = writer.take_float(node.input, value.layout)
    made = writer.give(node.output, value.layout)
    kinds: dict[str, Any] = {"inDataType": "uint8", "outDataType": "float32"}
    writer.file.add_operator("CAST", [taken], [made], **kinds)


WRITERS = {
    "Cast": cast,
    "Concat": join,
    "Dropout": pass_on,
    "Expand": expand,
    "Flatten": reshape,
    "Gather": gather,
    "Identity": pass_on,
    "Pad": pad,
    "Reshape": reshape,
    "Slice": cut,
    "Split": split,
    "Squeeze": reshape,
    "Transpose": transpose,
    "Unsqueeze": reshape,
}
