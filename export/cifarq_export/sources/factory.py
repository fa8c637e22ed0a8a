"""Any PyTorch classifier: a function that builds it, and a safetensors file with its weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cifarq import tensor_file
from cifarq import weights as given_weights
from cifarq.evaluation.evaluate import torch_predictor
from cifarq.factory import call
from cifarq_export.sources import Source
from cifarq_export.sources.outputs import module as module_output
from cifarq_export.sources.outputs.heads import Head, Output, choose
from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.errors import ExportError, reason


def source(
    factory: str,
    arguments: Mapping[str, Any],
    weights: Path | None,
    *,
    input_shape: tuple[int, int, int],
    classes: tuple[str, ...],
    how: Preprocessing,
    output: str | None = None,
) -> Source:
    """Build a model and load its weights.

    Args:
        factory: ``package.module:function``; it returns an ``nn.Module`` that maps
            (N, C, H, W) float32 to an answer for each class. Its module is imported, and runs.
        arguments: for the function.
        weights: a safetensors file with the module's state_dict; what the function made, if None.
        input_shape: (C, H, W) of one image.
        classes: class names in the order of the logits.
        how: how images become its input.
        output: the key or place of its output, if it answers with several.

    Raises:
        UsageError: there is no such function, or output.
        CheckpointError: the weights cannot be read or do not fit.
        ExportError: it is no classifier of ``classes`` for ``input_shape``.
    """
    model = _build(factory, arguments)
    if weights is not None:
        given_weights.load(model, weights)
    model.eval().cpu()
    tensor_file.require_finite(model.state_dict(), weights or factory)
    head = _choose_head(model, factory, input_shape, len(classes), output)
    if head.name or head.flatten:
        model = module_output.Answer(model, head.name, head.width).eval()
    name = factory.partition(":")[2].replace("_", "-")
    predict = torch_predictor(model)
    return Source(name, input_shape, classes, how, predict, module=model, changes=head.changes)


def _choose_head(
    model: nn.Module,
    factory: str,
    input_shape: tuple[int, int, int],
    classes: int,
    wanted: str | None,
) -> Head:
    try:
        with torch.inference_mode():
            answer = model(torch.zeros(2, *input_shape))
    except Exception as error:
        raise ExportError(
            f"--model {factory} cannot take a batch (2, {', '.join(map(str, input_shape))}): "
            f"{type(error).__name__}: {reason(error)}.",
            "Check --input-shape.",
        ) from error
    outputs = [
        Output(name, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
        for name, tensor in module_output.tensors(answer).items()
    ]
    if not outputs:
        raise ExportError(
            f"--model {factory} answers with a {type(answer).__name__}; a classifier answers with "
            "tensors.",
            "Give a function whose model returns one, or several in a tuple, a list or a mapping.",
        )
    given = f"--model {factory}"
    return choose(outputs, wanted, images=2, classes=classes, given=given)


def _build(factory: str, arguments: Mapping[str, Any]) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)  # a model without --weights is the same one every time
        return call(factory, arguments)
