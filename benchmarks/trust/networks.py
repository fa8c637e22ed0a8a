"""Networks by how long an FP32 call takes on one CPU of a workstation; their weights are random."""

from torch import nn


def fast() -> nn.Module:
    """Take about 0.2 ms."""
    return _convolutions(width=32, depth=1)


def middle() -> nn.Module:
    """Take about 2 ms."""
    return _convolutions(width=64, depth=2)


def slow() -> nn.Module:
    """Take about 10 ms."""
    return _convolutions(width=128, depth=3)


def _convolutions(width: int, depth: int) -> nn.Module:
    """Return a classifier of (N, 3, 32, 32) into ten classes."""
    layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1), nn.ReLU()]
    for _ in range(depth):
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))
