"""What a step makes smaller: the distance to the labels, and to the answers of a teacher."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from cifarq.checkpoint import Checkpoint
from cifarq.data.datasets import Dataset
from cifarq.training.imbalance import class_weights
from cifarq.training.report import TrainConfig
from edge_runtime.errors import CheckpointError

TEMPERATURE = 4.0
"""Of the distillation: both answers are softened by it before they are compared."""

TEACHER_SHARE = 0.9
"""Of the loss that the teacher's answers make; the labels make the rest."""


class Loss(nn.Module):
    """Cross-entropy with smoothed labels, or mostly the divergence from a teacher's answers.

    Args:
        label_smoothing: share of the target spread over all classes.
        teacher: answers the same images; in eval mode.
        class_weights: (classes,), what the labels' part is weighted by; None weighs images alike.

    Source: Hinton et al. 2015 (arXiv:1503.02531); the teacher sees the same crops as the student
    as in Beyer et al. 2021 (arXiv:2106.05237).
    """

    def __init__(
        self,
        label_smoothing: float,
        teacher: nn.Module | None,
        class_weights: Tensor | None = None,
    ) -> None:
        super().__init__()
        self._class_weights: Tensor | None
        self.register_buffer("_class_weights", class_weights)
        self._smoothing = label_smoothing
        self._teacher = teacher

    def forward(self, images: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss of a batch, a scalar.

        Args:
            images: (N, C, H, W), what was answered.
            logits: (N, classes) float32.
            labels: (N,) int64.
        """
        hard = functional.cross_entropy(
            logits, labels, self._class_weights, label_smoothing=self._smoothing
        )
        if self._teacher is None:
            return hard
        with torch.no_grad():
            taught = functional.log_softmax(self._teacher(images).float() / TEMPERATURE, dim=1)
        own = functional.log_softmax(logits / TEMPERATURE, dim=1)
        soft = functional.kl_div(own, taught, reduction="batchmean", log_target=True)
        # The gradient of the softened loss is smaller by the temperature squared.
        return TEACHER_SHARE * TEMPERATURE**2 * soft + (1 - TEACHER_SHARE) * hard


def loss_of(config: TrainConfig, dataset: Dataset, teacher: Checkpoint | None) -> Loss:
    """Return what a run makes smaller."""
    weights = None
    if config.balanced:
        weights = torch.from_numpy(class_weights(dataset.train.labels, len(dataset.classes)))
    return Loss(config.label_smoothing, teacher.model() if teacher else None, weights)


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
