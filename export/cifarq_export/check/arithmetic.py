"""By which arithmetic an artifact is judged: that of the CPU it is exported for.

The INT8 kernels of an x86 CPU without VNNI saturate, those of other CPUs do not: one file may
answer differently on a workstation and on its target.

    engine      the engine's own kernels: where this CPU is of the class that is exported for
    reference   the format's definition, which is the same on every CPU: everywhere else

FP32 is judged by the engine, and so is a format that has no reference.
"""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cifarq.data.labelled import LabelledImages
from cifarq_export import formats
from edge_runtime import engines
from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.measure import accuracy
from edge_runtime.probes import target as targets


class JudgedBy(StrEnum):
    """Whose arithmetic an artifact was judged by, as the manifest names it."""

    ENGINE = "engine"
    REFERENCE = "reference"


def judge_of(format_: str, precision: str, target: str) -> JudgedBy:
    """Return by which arithmetic an artifact is judged.

    Args:
        format_: the artifact's format.
        precision: its precision.
        target: the CPU class that is exported for.
    """
    if precision == "fp32" or target == targets.of_this_cpu():
        return JudgedBy.ENGINE
    return JudgedBy.REFERENCE if formats.has_reference(format_) else JudgedBy.ENGINE


def open_artifact(
    path: Path, format_: str, precision: str, judged_by: JudgedBy
) -> accuracy.Predict:
    """Open an artifact that was just written, and return what maps a batch to its logits.

    Raises:
        EngineError: the engine is missing or refuses it.
    """
    if judged_by is JudgedBy.REFERENCE:
        return formats.reference(format_, path)
    options = engines.Options(precision=precision)
    return engines.load(formats.engine_of(format_), path.read_bytes(), path.name, options).run


def answer(
    path: Path,
    format_: str,
    precision: str,
    judged_by: JudgedBy,
    how: Preprocessing,
    images: LabelledImages,
    progress: Callable[[int], object] = lambda count: None,
) -> NDArray[np.float32]:
    """Open an artifact and return its logits (N, classes), one image a call as it is deployed.

    Raises:
        EngineError: the engine is missing or refuses it.
    """
    run = open_artifact(path, format_, precision, judged_by)
    return accuracy.logits_of(run, images.images, how, progress=progress)
