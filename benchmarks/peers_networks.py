"""What ``peers.py`` measures beside the shipped models: networks of random weights."""

import torch
from networks_zoo import CLASSES, NETWORKS, Network
from torch import nn


class _Block(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, given: int, made: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(given, made, 3, stride, 1)
        self.second = nn.Conv2d(made, made, 3, 1, 1)
        plain = stride == 1 and given == made
        self.shortcut = nn.Identity() if plain else nn.Conv2d(given, made, 1, stride)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        inner = self.second(torch.relu(self.first(images)))
        return torch.relu(inner + self.shortcut(images))


def resnet8(num_classes: int = CLASSES) -> nn.Module:
    """Build MLPerf Tiny's ResNet-8, its batch norms folded.

    Source: mlcommons/tiny, benchmark/training/image_classification/keras_model.py.
    """
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 1, 1),
        nn.ReLU(),
        _Block(16, 16, 1),
        _Block(16, 32, 2),
        _Block(32, 64, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, num_classes),
    )


def mobilenet_v3_small() -> nn.Module:
    """Build torchvision's network of that name."""
    return _settle(NETWORKS["mobilenet_v3_small"])


def resnet18() -> nn.Module:
    """Build torchvision's network of that name."""
    return _settle(NETWORKS["resnet18"])


def vit_tiny() -> nn.Module:
    """Build timm's ViT for small images."""
    return _settle(NETWORKS["vit_tiny"])


def _settle(network: Network) -> nn.Module:
    """Build a network whose batch norms have seen noise: untrained ones make all answers alike."""
    torch.manual_seed(0)
    model = network.build()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the plain mean of all batches
    model.train()
    with torch.no_grad():
        for _ in range(_BATCHES):
            model(torch.randn(16, 3, network.size, network.size))
    return model.eval()


_BATCHES = 4

RANDOM = {
    "resnet8": Network("peers_networks:resnet8", size=32),
    "mobilenet_v3_small": Network("peers_networks:mobilenet_v3_small"),
    "resnet18": Network("peers_networks:resnet18"),
    "vit_tiny": Network("peers_networks:vit_tiny"),
}
