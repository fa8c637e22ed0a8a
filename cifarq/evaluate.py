"""Top-1 with its interval, for checkpoints and exported artifacts, by one function.

WIP
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edge_runtime.accuracy import Predict


def torch_predictor(model: nn.Module) -> Predict:
    """Wrap a PyTorch module as batch (N, C, H, W) float32 -> logits (N, classes), in eval mode."""
    model.eval()
    device = next((p.device for p in model.parameters()), torch.device("cpu"))

    def predict(batch: NDArray[np.float32]) -> NDArray[Any]:
        with torch.inference_mode():
            logits: NDArray[Any] = model(torch.from_numpy(batch).to(device)).float().cpu().numpy()
            return logits

    return predict
