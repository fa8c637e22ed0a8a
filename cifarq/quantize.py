"""PyTorch INT8: the only module that touches ``torch.ao``, which still works and says it will go.

Source: pytorch/ao#2259 (the deprecation), pytorch#184982 (of quantized tensors).
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edge_runtime.engines.torch import choose_quantized_backend

_FAREWELLS = (
    (r"\s*torch\.ao\.quantization is deprecated", DeprecationWarning),
    (r"torch\.quantize_per_tensor, torch\.quantize_per_channel and other", UserWarning),
)


def dynamic_int8(model: nn.Module) -> nn.Module:
    """Return a copy whose Linear layers hold INT8 weights and compute in INT8.

    Weights are quantized per tensor now, activations per batch at each call. Everything else,
    convolutions too, stays FP32. Runs on the CPU.

    Args:
        model: an FP32 model in eval mode; not changed.
    """
    choose_quantized_backend()
    with quiet():
        quantized: nn.Module = torch.ao.quantization.quantize_dynamic(
            model, {nn.Linear}, dtype=torch.qint8
        )
    return quantized


def dynamic_int8_layers(model: nn.Module) -> dict[str, NDArray[np.float32]]:
    """Return the weights of the layers that are INT8, by name, back in FP32: (out, in) each."""
    kind = torch.ao.nn.quantized.dynamic.Linear
    with quiet():
        return {
            name: layer.weight().dequantize().numpy()
            for name, layer in model.named_modules()
            if isinstance(layer, kind)
        }


@contextmanager
def quiet() -> Iterator[None]:
    """Silence exactly the deprecation warnings of what this module uses."""
    with warnings.catch_warnings():
        for message, category in _FAREWELLS:
            warnings.filterwarnings("ignore", message, category)
        yield
