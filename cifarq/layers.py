"""Layers that the models share, as they are trained and as they are deployed."""

import copy
from typing import TypeVar, cast

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

AnyModule = TypeVar("AnyModule", bound=nn.Module)


class ConvNorm(nn.Module):
    """A convolution, and for training a batch norm behind it, which ``fold`` takes away.

    Args:
        inputs, outputs: channels.
        kernel: side of the filters, odd; the image is padded to keep its size.
        stride: 2 halves the image's sides.
        norm: whether the batch norm is there; without it the convolution has biases.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, norm: bool
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=not norm)
        self.norm: nn.Module = nn.BatchNorm2d(outputs) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outputs, H, W), not yet activated."""
        return cast(Tensor, self.norm(self.conv(x)))


class ConvRelu(ConvNorm):
    """A convolution with its batch norm, and ReLU."""

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outputs, H, W), 0 or more."""
        return super().forward(x).relu()


class Residual(nn.Module):
    """Two convolutions whose result is added to what they were given.

    Source: He et al. 2015 (arXiv:1512.03385), the block of figure 2.
    """

    def __init__(self, channels: int, *, norm: bool) -> None:
        super().__init__()
        self.first = ConvRelu(channels, channels, norm=norm)
        self.second = ConvNorm(channels, channels, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, channels, H, W), 0 or more."""
        return cast(Tensor, (x + self.second(self.first(x))).relu())


def fold(trained: AnyModule) -> AnyModule:
    """Return a copy in eval mode with each ``ConvNorm``'s batch norm folded into its weights."""
    folded = copy.deepcopy(trained).eval()
    for module in folded.modules():
        if isinstance(module, ConvNorm) and isinstance(module.norm, nn.BatchNorm2d):
            module.conv = fuse_conv_bn_eval(module.conv, module.norm)
            module.norm = nn.Identity()
    return folded
