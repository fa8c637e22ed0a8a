"""How often a model is right, and how often two models agree: from logits, whoever made them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.results.statistics import Estimate, paired_difference, proportion

Predict = Callable[[NDArray[Any]], NDArray[Any]]
"""Anything that maps a batch (N, C, H, W), as a ``Preprocessing`` makes it, to logits."""


def logits_of(
    predict: Predict,
    images: NDArray[np.uint8],
    how: Preprocessing,
    *,
    batch_size: int = 1,
    progress: Callable[[int], object] = lambda count: None,
) -> NDArray[np.float32]:
    """Run a model over images.

    Args:
        predict: the model.
        images: (N, C, H, W) uint8, NCHW, RGB or grey, 0-255; N at least 1.
        how: what makes of them what the model takes.
        batch_size: images a call. Dynamic INT8 takes its activation range from the whole batch,
            so its logits depend on this: use the size that will be deployed.
        progress: called with the number of images done since the last call.

    Returns:
        Logits (N, classes) float32.
    """
    parts = []
    for start in range(0, len(images), batch_size):
        batch = how.apply(images[start : start + batch_size])
        parts.append(np.asarray(predict(batch), dtype=np.float32))
        progress(len(batch))
    return np.concatenate(parts)


def is_right(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which images have their label's logit as the largest: (N,) bool."""
    return np.asarray(logits.argmax(axis=1) == labels)


def top1(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> Estimate:
    """Return the share of images classified rightly, with its 95 % interval."""
    return proportion(int(is_right(logits, labels).sum()), len(labels))


def agreement(logits: NDArray[np.float32], reference: NDArray[np.float32]) -> Estimate:
    """Return the share of images that two models put in the same class, with its 95 % interval."""
    same = logits.argmax(axis=1) == reference.argmax(axis=1)
    return proportion(int(same.sum()), len(same))


@dataclass(frozen=True)
class Paired:
    """How a model's answers compare with a reference's, over the same images.

    Attributes:
        images: how many.
        right: how many the model has right.
        lost: how many only the reference has right.
        gained: how many only the model has right.
        agree: how many both put in the same class.
    """

    images: int
    right: int
    lost: int
    gained: int
    agree: int

    @property
    def drop(self) -> Estimate:
        """The reference's share of right answers less the model's, with its 95 % interval."""
        return paired_difference(self.lost, self.gained, self.images)


def pair(
    logits: NDArray[np.float32], reference: NDArray[np.float32], labels: NDArray[np.int64]
) -> Paired:
    """Compare a model's logits (N, classes) with a reference's."""
    right, before = is_right(logits, labels), is_right(reference, labels)
    return Paired(
        images=len(labels),
        right=int(right.sum()),
        lost=int((before & ~right).sum()),
        gained=int((~before & right).sum()),
        agree=int((logits.argmax(axis=1) == reference.argmax(axis=1)).sum()),
    )
