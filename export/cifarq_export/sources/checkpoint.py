"""A checkpoint that ``cifarq train`` wrote."""

from pathlib import Path

from cifarq import checkpoint as checkpoints
from cifarq.evaluation.evaluate import torch_predictor
from cifarq_export.sources import Source
from edge_runtime.bundle.preprocess import Preprocessing


def source(folder: Path) -> Source:
    """Open a checkpoint folder.

    Raises:
        CheckpointError: it is none, or damaged.
    """
    found = checkpoints.load(folder)
    model = found.model()
    return Source(
        name=found.architecture,
        input_shape=found.input_shape,
        classes=found.classes,
        how=Preprocessing(found.mean, found.std),
        predict=torch_predictor(model),
        module=model,
    )
