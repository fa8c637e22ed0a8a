"""A teacher: which one fits a data set, and what it answers."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from cifarq.checkpoint import Checkpoint
from cifarq.data.datasets import Dataset
from cifarq.evaluation.evaluate import module_logits
from edge_runtime.errors import CheckpointError


def answers(
    teacher: Checkpoint,
    dataset: Dataset,
    device: torch.device,
    progress: Callable[[int, int], object],
) -> Tensor:
    """Return a teacher's logits of each training image and of its mirror image.

    They are computed once: a student that sees the image shifted, cropped and cut learns to answer
    as the teacher did to the whole one.

    Args:
        teacher: whose answers they are.
        dataset: its train part is answered.
        device: that computes.
        progress: called with the number of answers since the last call, and that of all.

    Returns:
        (images, 2, classes) float32 on the CPU; at 1 the mirror image's.
    """
    model, images = teacher.model().to(device), dataset.train.images
    both = [
        module_logits(
            model,
            seen,
            (teacher.mean, teacher.std),
            lambda count: progress(count, 2 * len(images)),
        )
        for seen in (images, images[..., ::-1])
    ]
    return torch.from_numpy(np.stack(both, axis=1))


def require_teacher(teacher: Checkpoint, dataset: Dataset) -> None:
    """Refuse a teacher of other images.

    Raises:
        CheckpointError: it knows other classes, or takes images of another shape or normalisation.
    """
    shape = dataset.train.images.shape[1:]
    there = teacher.classes, teacher.input_shape, teacher.mean, teacher.std
    here = dataset.classes, shape, *dataset.normalisation
    names = "classes", "input shape", "mean", "std"
    for name, its, ours in zip(names, there, here, strict=True):
        if tuple(its) != tuple(ours):
            raise CheckpointError(
                f"--teacher: its {name} is {tuple(its)}, the data set's is {tuple(ours)}.",
                "Give a checkpoint that was trained on this data set.",
            )
