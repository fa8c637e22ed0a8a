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
    loaded = checkpoints.load(folder)
    model = loaded.model()
    return Source(
        name=loaded.architecture,
        input_shape=loaded.input_shape,
        classes=loaded.classes,
        how=Preprocessing(loaded.mean, loaded.std),
        predict=torch_predictor(model),
        module=model,
    )
