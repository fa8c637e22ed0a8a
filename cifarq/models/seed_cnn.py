"""The seed CNN: the small network of the report this project began with.

Convolutions 3-32-64-128-128 (3x3, padded, ReLU), max-pool after the 2nd and the 4th, then Linear
8192-256-10. On CIFAR-10: 2,340,810 parameters, 78.5 million multiply-accumulates; its Linear
layers hold 90 % of the bytes and 2.7 % of the multiply-accumulates.
"""

import copy
from typing import cast

from torch import Tensor, nn
from torch.nn.utils import fusion

from cifarq.models import InputShape, require_side

DESCRIPTION = "conv 3-32-64-128-128, fc 8192-256-10: the report's CNN"


class SeedCnn(nn.Module):
    """(N, 3, H, W) float32 normalised -> (N, classes) logits.

    Args:
        classes: number of classes.
        input_shape: (C, H, W), H and W at least 4.
        training_aids: batch norms behind each hidden layer, and dropout, for training only.
            ``fold`` takes them out again; without them the layers are ``nn.Identity``.

    Raises:
        DataError: the images are smaller.
    """

    def __init__(
        self, classes: int, input_shape: InputShape = (3, 32, 32), *, training_aids: bool = False
    ) -> None:
        super().__init__()
        channels, height, width = input_shape
        require_side("seed-cnn", input_shape, 4)
        self.conv1 = nn.Conv2d(channels, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.conv3 = nn.Conv2d(64, 128, 3, padding=1)
        self.conv4 = nn.Conv2d(128, 128, 3, padding=1)
        self.fc1 = nn.Linear(128 * (height // 4) * (width // 4), 256)
        self.fc2 = nn.Linear(256, classes)
        self.pool = nn.MaxPool2d(2)
        self.norm1 = nn.BatchNorm2d(32) if training_aids else nn.Identity()
        self.norm2 = nn.BatchNorm2d(64) if training_aids else nn.Identity()
        self.norm3 = nn.BatchNorm2d(128) if training_aids else nn.Identity()
        self.norm4 = nn.BatchNorm2d(128) if training_aids else nn.Identity()
        self.norm5 = nn.BatchNorm1d(256) if training_aids else nn.Identity()
        self.drop1 = nn.Dropout(0.3) if training_aids else nn.Identity()
        self.drop2 = nn.Dropout(0.3) if training_aids else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, classes)."""
        x = self.norm1(self.conv1(x)).relu()
        x = self.pool(self.norm2(self.conv2(x)).relu())
        x = self.norm3(self.conv3(x)).relu()
        x = self.pool(self.norm4(self.conv4(x)).relu())
        x = self.drop1(x.flatten(1))
        x = self.drop2(self.norm5(self.fc1(x)).relu())
        return cast(Tensor, self.fc2(x))


def build(classes: int, input_shape: InputShape) -> SeedCnn:
    """Return the deployed graph with fresh weights."""
    return SeedCnn(classes, input_shape)


def build_for_training(classes: int, input_shape: InputShape) -> SeedCnn:
    """Return the graph with batch norms and dropout."""
    return SeedCnn(classes, input_shape, training_aids=True)


def fold(trained: nn.Module) -> nn.Module:
    """Return the deployed graph: each batch norm folded into the layer before it."""
    folded = copy.deepcopy(trained).eval()
    for layer, norm, fuse in (
        ("conv1", "norm1", fusion.fuse_conv_bn_eval),
        ("conv2", "norm2", fusion.fuse_conv_bn_eval),
        ("conv3", "norm3", fusion.fuse_conv_bn_eval),
        ("conv4", "norm4", fusion.fuse_conv_bn_eval),
        ("fc1", "norm5", fusion.fuse_linear_bn_eval),
    ):
        setattr(folded, layer, fuse(getattr(folded, layer), getattr(folded, norm)))
        setattr(folded, norm, nn.Identity())
    folded.drop1 = folded.drop2 = nn.Identity()
    return folded
