"""What a step makes smaller: the distance to the labels, and to the answers of a teacher."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from cifarq.data.datasets import Dataset
from cifarq.training.batches import Batch
from cifarq.training.imbalance import class_weights
from cifarq.training.report import TrainConfig

TEMPERATURE = 4.0
"""Of the distillation: both answers are softened by it before they are compared."""

TEACHER_SHARE = 0.9
"""Of the loss that the teacher's answers make; the labels make the rest."""


class Loss(nn.Module):
    """Cross-entropy with smoothed labels, or mostly the divergence from a teacher's answers.

    Args:
        label_smoothing: share of the target spread over all classes.
        answers: (images, 2, classes), a teacher's logits of all training images and of their
            mirror images; None without a teacher.
        class_weights: (classes,), what the labels' part is weighted by; None weighs images alike.

    Source: Hinton et al. 2015 (arXiv:1503.02531).
    """

    def __init__(
        self,
        label_smoothing: float,
        answers: Tensor | None,
        class_weights: Tensor | None = None,
    ) -> None:
        super().__init__()
        self._class_weights: Tensor | None
        self.register_buffer("_class_weights", class_weights)
        self._smoothing = label_smoothing
        self._answers = answers  # no buffer: of many images it would fill a GPU's memory

    def forward(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the mean loss of a batch, a scalar.

        Args:
            logits: (N, classes) float32, what was answered.
            batch: what was seen.
        """
        hard = functional.cross_entropy(
            logits, batch.labels, self._class_weights, label_smoothing=self._smoothing
        )
        if self._answers is None:
            return hard
        taught = self._answers[batch.chosen, batch.mirrored.long()].to(logits.device)
        taught = functional.log_softmax(taught / TEMPERATURE, dim=1)
        own = functional.log_softmax(logits / TEMPERATURE, dim=1)
        soft = functional.kl_div(own, taught, reduction="batchmean", log_target=True)
        # The gradient of the softened loss is smaller by the temperature squared.
        return TEACHER_SHARE * TEMPERATURE**2 * soft + (1 - TEACHER_SHARE) * hard


def loss_of(config: TrainConfig, dataset: Dataset, answers: Tensor | None) -> Loss:
    """Return what a run makes smaller."""
    weights = None
    if config.balanced:
        weights = torch.from_numpy(class_weights(dataset.train.labels, len(dataset.classes)))
    return Loss(config.label_smoothing, answers, weights)
