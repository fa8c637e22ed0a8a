"""The accurate model: a residual network of nearly as many weights as 1 MiB holds in INT8.

Most of its weights are where the image is 8x8 pixels: there a weight costs 64 multiply-accumulates,
and a convolution is wide enough for the kernels. On CIFAR-10: 1,003,514 parameters, 98.1 million
multiply-accumulates.
"""

from torch import nn

from cifarq.layers import ConvRelu, Residual, fold
from cifarq.models import InputShape, require_side

DESCRIPTION = "residual, conv 3-32-64-112-160: at most 1 MiB in INT8"

__all__ = ["DESCRIPTION", "Accurate", "build", "build_for_training", "fold"]


class Accurate(nn.Sequential):
    """(N, C, H, W) float32 normalised -> (N, classes) logits.

    Args:
        classes: number of classes.
        input_shape: (C, H, W), H and W at least 8.
        norm: whether batch norms are there, for training.

    Raises:
        DataError: the images are smaller.
    """

    def __init__(self, classes: int, input_shape: InputShape, *, norm: bool = False) -> None:
        require_side("accurate", input_shape, 8)
        super().__init__(
            ConvRelu(input_shape[0], 32, norm=norm),
            ConvRelu(32, 64, norm=norm),
            nn.MaxPool2d(2),
            Residual(64, norm=norm),
            ConvRelu(64, 112, norm=norm),
            nn.MaxPool2d(2),
            Residual(112, norm=norm),
            Residual(112, norm=norm),
            ConvRelu(112, 160, norm=norm),
            nn.MaxPool2d(2),
            ConvRelu(160, 160, norm=norm),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(160, classes),
        )


def build(classes: int, input_shape: InputShape) -> Accurate:
    """Return the deployed graph with fresh weights."""
    return Accurate(classes, input_shape)


def build_for_training(classes: int, input_shape: InputShape) -> Accurate:
    """Return the graph with batch norms."""
    return Accurate(classes, input_shape, norm=True)
