"""The mean of the weights that a run has gone through: what is evaluated, kept and deployed."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

Tensors = tuple[Tensor, ...] | list[Tensor]


def average(model: nn.Module, decay: float) -> AveragedModel:
    """Return an exponential moving average of a model's weights and statistics.

    Early on it forgets faster, so that the weights a run began with do not stay in it.

    Args:
        model: that is trained; ``update_parameters(model)`` is to follow each step.
        decay: share (0-1) of the average that each step keeps.

    Source: B. Polyak and A. Juditsky 1992; the start as in TensorFlow's ExponentialMovingAverage.
    """

    def update(means: Tensors, values: Tensors, count: Tensor | int) -> None:
        kept = min(decay, (1 + int(count)) / (10 + int(count)))
        if means[0].is_floating_point():
            torch._foreach_lerp_(means, values, 1 - kept)
        else:  # a batch norm's count of its batches
            torch._foreach_copy_(means, values)

    return AveragedModel(model, multi_avg_fn=update, use_buffers=True)
