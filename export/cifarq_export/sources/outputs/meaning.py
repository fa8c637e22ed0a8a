"""What the numbers are that a classifier answers, told from its answers to real images."""

from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cifarq.data.labelled import LabelledImages
from cifarq_export.sources import Source

SMALLEST = 1e-30
"""Probabilities below this count as this: the logarithm of 0 is no number."""

MOST_CERTAIN = 1e-4
"""Probabilities closer to 1 than this count as that close, where the logit is computed from the
probability: 1 less a number near 1 keeps few digits, and engines would differ in them."""

_BATCH = 100
_STRETCH = np.float32(100)
_ROUNDING = 1e-6
_ROW_ROUNDING = 1e-3  # sums of thousands of probabilities, in half precision perhaps


class Meaning(StrEnum):
    """What a classifier's numbers are."""

    LOGITS = "logits"
    """Softmax gives the probabilities. So it does of their logarithms, which are logits too."""
    EXCLUSIVE = "probabilities that sum to 1"
    INDEPENDENT = "a probability for each class by itself"


def recognise(source: Source, images: LabelledImages) -> tuple[Meaning, int]:
    """Return what a model's numbers are, and how many it answers for an image.

    Probabilities lie between 0 and 1 for every image, and for what no camera sees: the images are
    also given with their values stretched, which logits of few images do not survive.
    """
    size = source.batch if isinstance(source.batch, int) else _BATCH
    sums_to_1 = True
    for start in range(0, len(images), size):
        batch = source.how.apply(images.images[start : start + size])
        answer = np.asarray(source.predict(batch), dtype=np.float32)
        width = answer.shape[1]
        if not np.isfinite(answer).all() or _leaves_0_to_1(answer):
            return Meaning.LOGITS, width
        if _leaves_0_to_1(source.predict(batch * _STRETCH)):
            return Meaning.LOGITS, width
        sums_to_1 &= bool((abs(answer.sum(axis=1, dtype=np.float64) - 1) < _ROW_ROUNDING).all())
    return (Meaning.EXCLUSIVE if sums_to_1 and width > 1 else Meaning.INDEPENDENT), width


def _leaves_0_to_1(answer: NDArray[Any]) -> bool:
    """Say whether a number lies outside 0 to 1; NaN, where stretched values overflow, does not."""
    return bool(((answer < -_ROUNDING) | (answer > 1 + _ROUNDING)).any())
