"""Which classes are taken for which others, as a table and as JSON values."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_runtime.documents.values import to_json
from edge_runtime.report.grid import Grid
from edge_runtime.results.statistics import Estimate, proportion

_MOST_IN_MATRIX = 12
"""Classes whose matrix a terminal has room for; of more, the pairs that are confused most."""

_LISTED = 10

Matrix = NDArray[np.int64]
"""(classes, classes): rows are labels, columns are answers."""


def count(labels: NDArray[np.int64], answers: NDArray[np.int64], classes: int) -> Matrix:
    """Count how often a label (N,) was answered with each class (N,)."""
    matrix = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(matrix, (labels, answers), 1)
    return matrix


def recalls(matrix: Matrix) -> list[Estimate | None]:
    """Return each class's share (0-1) of images that were answered rightly, with its interval.

    It is None for a class of which there are no images.
    """
    return [
        proportion(int(row[label]), int(row.sum())) if row.any() else None
        for label, row in enumerate(matrix)
    ]


def values(matrix: Matrix, classes: tuple[str, ...]) -> dict[str, Any]:
    """Return the matrix and the recalls as JSON values."""
    return {
        "classes": list(classes),
        "confusion": matrix.tolist(),
        "recall": [to_json(recall) for recall in recalls(matrix)],
    }


def text(matrix: Matrix, classes: tuple[str, ...]) -> str:
    """Return tables: what is answered for what, and the classes with the lowest recall."""
    if len(classes) <= _MOST_IN_MATRIX:
        confused = ["Images by label (rows) and answer (columns):", *_whole(matrix, classes).text()]
    else:
        confused = ["Classes taken for others most often:", *_pairs(matrix, classes).text()]
    worst = ["Classes with the lowest recall:", *_worst(matrix, classes).text()]
    return "\n".join([*confused, "", *worst])


def _whole(matrix: Matrix, classes: tuple[str, ...]) -> Grid:
    rows = [
        [name, *(f"{number:,}" if number else "." for number in row)]
        for name, row in zip(classes, matrix.tolist(), strict=True)
    ]
    return Grid(("label", *classes), rows, 1)


def _pairs(matrix: Matrix, classes: tuple[str, ...]) -> Grid:
    """Return the pairs that are confused most, the most first."""
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_LISTED]
    rows = [
        [classes[label], classes[answer], f"{wrong[label, answer]:,}", f"{matrix[label].sum():,}"]
        for label, answer in zip(*np.unravel_index(order, wrong.shape), strict=True)
        if wrong[label, answer]
    ]
    return Grid(("label", "answer", "images", "of"), rows, 2)


def _worst(matrix: Matrix, classes: tuple[str, ...]) -> Grid:
    """Return the classes with the lowest recall, the lowest first."""
    known = [
        (recall, name, int(row.sum()))
        for recall, name, row in zip(recalls(matrix), classes, matrix, strict=True)
        if recall is not None
    ]
    known.sort(key=lambda each: each[0].value)
    rows = [
        [name, f"{images:,}", f"{100 * recall.value:.1f}", _interval(recall)]
        for recall, name, images in known[:_LISTED]
    ]
    return Grid(("class", "images", "recall %", "95 % interval"), rows, 1)


def _interval(recall: Estimate) -> str:
    return f"[{100 * recall.low:.1f}, {100 * recall.high:.1f}]"
