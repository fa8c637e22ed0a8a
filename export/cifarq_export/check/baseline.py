"""The FP32 model's answers, which artifacts are compared with."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cifarq.data.labelled import LabelledImages
from cifarq_export.int8 import calibrate
from cifarq_export.sources import Source
from edge_runtime.errors import ExportError
from edge_runtime.measure import accuracy
from edge_runtime.results.statistics import Estimate

_BATCH = 100
_BATCH_BYTES = 2**22


@dataclass(frozen=True)
class Baseline:
    """The FP32 model's answers to images.

    Attributes:
        images: real images and labels.
        logits: (N, classes) float32, by the FP32 model.
        kind: what that model is called in messages.
    """

    images: LabelledImages
    logits: NDArray[np.float32]
    kind: str = "FP32 PyTorch"

    @property
    def top1(self) -> Estimate:
        """The FP32 model's share of right answers."""
        return accuracy.top1(self.logits, self.images.labels)

    @property
    def chance(self) -> float:
        """The share of right answers if the most frequent class were always given."""
        return float(np.bincount(self.images.labels).max() / len(self.images))


def answer(
    source: Source,
    images: LabelledImages,
    progress: Callable[[int], object] = lambda count: None,
) -> Baseline:
    """Let the FP32 model, which is given normalised images, answer them.

    Raises:
        ExportError: some of its answers are not finite.
    """
    logits = accuracy.logits_of(
        source.predict,
        images.images,
        source.how,
        batch_size=batch_size(source),
        progress=progress,
    )
    if not np.isfinite(logits).all():
        raise ExportError(
            f"the {source.kind} model does not answer finite numbers to all images.",
            "Check its weights, --mean and --std.",
        )
    return Baseline(images, logits, source.kind)


def batch_size(source: Source) -> int:
    """Return how many images a call takes where it is not timed: fewer of large ones."""
    if isinstance(source.batch, int):
        return source.batch
    image_bytes = 4 * int(np.prod(source.input_shape))  # float32
    return calibrate.fitting(image_bytes, _BATCH, _BATCH_BYTES)
