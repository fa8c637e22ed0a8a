"""Gates: what an artifact has to pass before it ships.

Each artifact is opened again from its file by the engine that will run it on the device, and
compared with FP32 PyTorch on real images, one image a call as it will be deployed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cifarq.labelled import LabelledImages
from edge_runtime import accuracy, engines
from edge_runtime.errors import ExportError
from edge_runtime.manifest import Preprocessing
from edge_runtime.parity import Parity, compare

FP32_TOLERANCE = 1e-4
"""How far FP32 logits may lie from PyTorch's, for logits up to 1, relative above: on one
machine two engines differ by the order of their sums, about 1e-6."""


@dataclass(frozen=True)
class Checked:
    """What an artifact came to on the validation images: top-1 (0-1), and parity."""

    top1: float
    parity: Parity


@dataclass(frozen=True)
class Reference:
    """The FP32 PyTorch model's answers that artifacts are held to.

    Attributes:
        images: real images and labels.
        preprocessing: how they become inputs.
        logits: (N, classes) float32, by FP32 PyTorch.
    """

    images: LabelledImages
    preprocessing: Preprocessing
    logits: NDArray[np.float32]

    @property
    def top1(self) -> float:
        """The FP32 PyTorch model's share of right answers."""
        return accuracy.top1(self.logits, self.images.labels).value


def check(
    path: Path,
    engine: str,
    precision: str,
    reference: Reference,
    progress: Callable[[int], object] = lambda count: None,
) -> Checked:
    """Open an artifact and compare it with FP32 PyTorch.

    Raises:
        ExportError: it is not faithful; the message says by how much.
        EngineError: the engine is missing or refuses it.
    """
    session = engines.require(engine).load(path, 1)
    logits = accuracy.logits_of(
        session.run,
        reference.images.images,
        mean=reference.preprocessing.mean,
        std=reference.preprocessing.std,
        progress=progress,
    )
    parity = compare(logits, reference.logits)
    if problem := parity.problem(precision, fp32_tolerance=FP32_TOLERANCE):
        raise ExportError(
            f"{path.name} does not compute what the model computes: {problem}. Nothing was "
            "written. Leave this precision out with --precision, or report it."
        )
    return Checked(accuracy.top1(logits, reference.images.labels).value, parity)
