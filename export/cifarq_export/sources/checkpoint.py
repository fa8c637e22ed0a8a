"""A checkpoint that ``cifarq train`` wrote."""

from dataclasses import replace
from pathlib import Path

from cifarq import checkpoint as checkpoints
from cifarq.evaluation.evaluate import torch_predictor
from cifarq.factory import Factory
from cifarq_export.sources import Source
from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.errors import CheckpointError


def trained_from(folder: Path, start: Source) -> Source:
    """Open a checkpoint that quantization-aware training made of another one.

    Args:
        folder: of the checkpoint.
        start: what its training has to have started from.

    Raises:
        CheckpointError: it is none, or damaged, or its training started from something else.
    """
    trained = source(folder)
    if trained.learned is None:
        raise CheckpointError(
            f"--qat {folder} holds no learned ranges.", "Give what `cifarq train --qat` wrote."
        )
    begun = checkpoints.load(start.checkpoint).digest if start.checkpoint else ""
    if trained.learned.qat.checkpoint != begun:
        raise CheckpointError(
            f"--qat {folder}: its training did not start from {start.checkpoint or start.name}.",
            "Compare it with the checkpoint that was given to `cifarq train --qat`.",
        )
    return replace(trained, name=f"{start.name}-qat")


def source(folder: Path, factory: Factory | None = None) -> Source:
    """Open a checkpoint folder.

    Args:
        folder: the checkpoint.
        factory: the function that builds its model, if it is not one of ours.

    Raises:
        CheckpointError: it is none, or damaged, or built by a function that is not named.
    """
    loaded = checkpoints.load(folder)
    model = loaded.model(factory)
    return Source(
        name=loaded.architecture,
        input_shape=loaded.input_shape,
        classes=loaded.classes,
        how=Preprocessing(loaded.mean, loaded.std, resize=loaded.resize),
        predict=torch_predictor(model),
        module=model,
        checkpoint=None if factory else folder,
        learned=loaded.learned,
    )
