"""Rounding to 8 bits in FP32, as ONNX Runtime's quantizer rounds, that gradients pass through.

Activations have a range a tensor, which is learned; weights a step a channel, symmetric around
zero; biases the product of the two steps.

Source: B. Jacob et al. 2018 (arXiv:1712.05877); learned ranges: S. Esser et al. 2019
(arXiv:1902.08153), and as logarithms S. Jain et al. 2019 (arXiv:1903.08066).
"""

import torch
from torch import Tensor, nn

_STEPS = 255

_SHARES = torch.linspace(1, 0.3, 15).tolist()
"""Of the largest values seen: where a range may begin."""


class LearnedRange(nn.Module):
    """Rounds what passes to 256 values between two limits, which are learned.

    What is learned is the logarithm of what each limit has grown by: a step moves a limit by a
    share of itself, whatever the scale of the activation, and none passes zero.

    Args:
        name: the place it is for; see ``learned_ranges``.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.begin = nn.Buffer(torch.zeros(2))
        self.growth = nn.Parameter(torch.zeros(2))

    def limits(self) -> Tensor:
        """Return (low, high)."""
        return _limits(self.begin, self.growth)

    def start(self, values: Tensor) -> None:
        """Begin with the range that loses least of these values, in squares."""
        extremes = torch.stack([values.min().clamp(max=0), values.max().clamp(min=0)])
        tried = [extremes * share for share in _SHARES]
        errors = [(_round(values, limits) - values).square().mean() for limits in tried]
        self.begin.copy_(tried[int(torch.stack(errors).argmin())])

    def forward(self, values: Tensor) -> Tensor:
        """Return values of the same shape."""
        return _round(values, self.limits())


def round_weight(weight: Tensor, largest: int) -> Tensor:
    """Return weights (O, ...) as whole multiples of their output channel's step.

    Args:
        weight: FP32.
        largest: multiple of the step that the channel's largest weight is.
    """
    step = _weight_step(weight, largest).view(-1, *[1] * (weight.ndim - 1))
    return _pass(weight, (weight / step).round() * step)


def round_bias(bias: Tensor, weight: Tensor, largest: int, begin: Tensor, growth: Tensor) -> Tensor:
    """Return biases (O,) as whole multiples of the step of what they are added to.

    Args:
        bias: FP32.
        weight: of the layer.
        largest: see ``round_weight``.
        begin: of the ``LearnedRange`` of the layer's input.
        growth: of the same.
    """
    step = _step(_limits(begin, growth)).float() * _weight_step(weight, largest)
    return _pass(bias, (bias.double() / step).round().float() * step)


def _limits(begin: Tensor, growth: Tensor) -> Tensor:
    return begin * growth.exp()


def _round(values: Tensor, limits: Tensor) -> Tensor:
    step = _step(limits)
    zero = -limits[:1] / step
    return torch._fake_quantize_learnable_per_tensor_affine(
        values, step.float(), zero.float(), 0, _STEPS, 1.0
    )


def _step(limits: Tensor) -> Tensor:
    low, high = limits.double().split(1)
    return _nonzero((high - low) / _STEPS)


def _weight_step(weight: Tensor, largest: int) -> Tensor:
    most = weight.detach().abs().flatten(1).amax(dim=1)
    return _nonzero(most.double() / largest).float()


def _nonzero(step: Tensor) -> Tensor:
    """Return 1 where a step is none, as ONNX Runtime's quantizer does."""
    return torch.where(step < torch.finfo(torch.float32).tiny, 1.0, step)


def _pass(values: Tensor, rounded: Tensor) -> Tensor:
    """Return rounded values whose gradient is that of the values themselves."""
    return values + (rounded - values).detach()
