"""Multiply-accumulates by shapes: each number of an output is a sum of so many products."""

from collections.abc import Sequence
from math import prod

from edge_runtime.operators import kinds


def of_convolution(weights: Sequence[int], output: Sequence[int]) -> int | None:
    """Return those of a convolution; None where a shape is not known.

    Args:
        weights: (outputs, inputs of one group, height, width).
        output: in whatever order of axes.
    """
    if len(weights) < 3 or not output:
        return None
    return prod(output) * prod(weights[1:])


def convolution(
    kind: str,
    given: Sequence[int],
    weights: Sequence[int],
    output: Sequence[int],
    *,
    transposed: bool = False,
) -> tuple[str, int | None]:
    """Return a convolution's kind, which tells a depthwise one, and its multiply-accumulates.

    Args:
        kind: what it computes, in the engine's words.
        given: the input's shape, with the channels second or last.
        weights: (outputs, inputs of one group, height, width).
        output: with the channels on the same axis.
        transposed: whether each number of the input, not of the output, meets the weights.
    """
    count = of_convolution(weights, given if transposed else output)
    return kind + kinds.DEPTHWISE * is_depthwise(weights, given, output), count


def of_product(left: Sequence[int], output: Sequence[int]) -> int | None:
    """Return those of a matrix product; None where a shape is not known.

    Args:
        left: (..., rows, inner); one of two axes may be transposed.
        output: (..., rows, columns).
    """
    if not left or not output:
        return None
    rows = output[-2] if len(left) == len(output) == 2 else 0
    return prod(output) * (prod(left) // rows if rows else left[-1])


def is_depthwise(weights: Sequence[int], given: Sequence[int], output: Sequence[int]) -> bool:
    """Whether a convolution has a group for each of its channels, of which there are several.

    Args:
        weights: (outputs, inputs of one group, height, width).
        given: the input's shape, with the channels second or last.
        output: with the channels on the same axis.
    """
    if len(weights) < 3 or weights[1] != 1 or len(given) != len(output) or len(given) < 3:
        return False
    axis = 1 if output[1] == weights[0] else -1
    return given[axis] > 1 and weights[0] % given[axis] == 0
