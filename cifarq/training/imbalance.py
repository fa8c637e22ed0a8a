"""Classes of which there are more images than of others."""

import numpy as np
from numpy.typing import NDArray

_UNEVEN = 3
"""How many times the smallest class the largest one has to be to be told of."""

_MOST_LISTED = 10


def class_weights(labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """Return what the loss of each class's images is multiplied by, (classes,).

    Each class weighs as much as the others, and the mean over all images is 1. Weights, not a
    sampler that repeats rare images: so an epoch stays one look at each image, and what a network
    sees of a class of 40 images is no more than these 40.
    """
    counts = np.bincount(labels, minlength=classes)
    return (len(labels) / (classes * counts)).astype(np.float32)


def describe(labels: NDArray[np.int64], classes: tuple[str, ...]) -> str:
    """Return a sentence with the counts if classes are uneven; empty if they are not."""
    counts = np.bincount(labels, minlength=len(classes))
    if counts.max() < _UNEVEN * counts.min():
        return ""
    order = np.argsort(-counts, kind="stable")
    listed = [f"{classes[index]} {counts[index]:,}" for index in order]
    if len(listed) > _MOST_LISTED:
        half = _MOST_LISTED // 2
        listed = [*listed[:half], "...", *listed[-half:]]
    return f"The classes are uneven; training images: {', '.join(listed)}."
