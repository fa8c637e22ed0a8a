"""The tiny model: a residual network whose static INT8 file is no larger than MLPerf Tiny's.

Few channels and many layers, and convolutions with stride 2 instead of pools. On CIFAR-10: 84,186
parameters, 13.7 million multiply-accumulates.
"""

from torch import nn

from cifarq.layers import ConvRelu, Residual, fold
from cifarq.models import InputShape, require_side

DESCRIPTION = "residual, conv 3-16-32-32-48: no larger in INT8 than MLPerf Tiny's 98,496 bytes"

__all__ = ["DESCRIPTION", "Tiny", "build", "build_for_training", "fold"]


class Tiny(nn.Sequential):
    """(N, C, H, W) float32 normalised -> (N, classes) logits.

    Args:
        classes: number of classes.
        input_shape: (C, H, W), H and W at least 4.
        norm: whether batch norms are there, for training.

    Raises:
        DataError: the images are smaller.
    """

    def __init__(self, classes: int, input_shape: InputShape, *, norm: bool = False) -> None:
        require_side("tiny", input_shape, 4)
        super().__init__(
            ConvRelu(input_shape[0], 16, norm=norm),
            ConvRelu(16, 32, stride=2, norm=norm),
            Residual(32, norm=norm),
            Residual(32, norm=norm),
            ConvRelu(32, 32, stride=2, norm=norm),
            Residual(32, norm=norm),
            ConvRelu(32, 48, norm=norm),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(48, classes),
        )


def build(classes: int, input_shape: InputShape) -> Tiny:
    """Return the deployed graph with fresh weights."""
    return Tiny(classes, input_shape)


def build_for_training(classes: int, input_shape: InputShape) -> Tiny:
    """Return the graph with batch norms."""
    return Tiny(classes, input_shape, norm=True)
