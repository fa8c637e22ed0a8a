"""Twenty networks that people really have, and how each is built: see ``networks.py``."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import nn

CLASSES = 10
SIZE = 64
"""Pixels a side: CIFAR-10's images twice as large, so that five halvings leave two pixels."""

_TIMM = "timm:create_model"
_TORCHVISION = "torchvision.models:"


@dataclass(frozen=True)
class Network:
    """A network, as ``cifarq-export --model`` is told of it.

    Attributes:
        factory: ``package.module:function``.
        arguments: for the function.
        size: pixels a side.
    """

    factory: str
    arguments: dict[str, Any] = field(default_factory=dict)
    size: int = SIZE

    def build(self) -> nn.Module:
        """Build it, in its training form and with random weights."""
        import importlib

        module, _, name = self.factory.partition(":")
        make: Callable[..., nn.Module] = getattr(importlib.import_module(module), name)
        return make(**self.arguments)


def mlp(num_classes: int = CLASSES) -> nn.Module:
    """Build a network without a convolution."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(3 * 32 * 32, 512),
        nn.ReLU(),
        nn.Linear(512, 256),
        nn.ReLU(),
        nn.Linear(256, num_classes),
    )


def _timm(name: str, **more: Any) -> Network:
    return Network(_TIMM, {"model_name": name, "num_classes": CLASSES, **more})


def _torchvision(name: str) -> Network:
    return Network(f"{_TORCHVISION}{name}", {"num_classes": CLASSES})


NETWORKS = {
    "mobilenetv3_small_050": _timm("mobilenetv3_small_050"),
    "mobilenetv4_conv_small": _timm("mobilenetv4_conv_small"),
    "efficientnet_lite0": _timm("efficientnet_lite0"),
    "convnext_atto": _timm("convnext_atto"),
    "vit_tiny": _timm("vit_tiny_patch16_224", img_size=SIZE, patch_size=8),
    "mobileone_s0": _timm("mobileone_s0"),
    "ghostnet_050": _timm("ghostnet_050"),
    "repvgg_a0": _timm("repvgg_a0"),
    "resnet10t": _timm("resnet10t"),
    "levit_128s": _timm("levit_128s", img_size=SIZE),
    "regnetx_002": _timm("regnetx_002"),
    "lcnet_050": _timm("lcnet_050"),
    "tinynet_e": _timm("tinynet_e"),
    "resnet18": _torchvision("resnet18"),
    "squeezenet1_1": _torchvision("squeezenet1_1"),
    "shufflenet_v2_x0_5": _torchvision("shufflenet_v2_x0_5"),
    "mobilenet_v3_small": _torchvision("mobilenet_v3_small"),
    "mobilenet_v2": _torchvision("mobilenet_v2"),
    "mnasnet0_5": _torchvision("mnasnet0_5"),
    "mlp": Network("networks_zoo:mlp", size=32),
}
