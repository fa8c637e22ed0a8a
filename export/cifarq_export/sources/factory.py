"""Any PyTorch classifier: a function that builds it, and a safetensors file with its weights."""

import importlib
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cifarq import checkpoint
from cifarq.evaluation.evaluate import torch_predictor
from cifarq_export.sources import Source
from cifarq_export.sources.outputs import module as module_output
from cifarq_export.sources.outputs.heads import Head, Output, choose
from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.errors import CheckpointError, ExportError, UsageError, reason


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
        _load(model, weights)
    model.eval().cpu()
    checkpoint.require_finite(model.state_dict(), weights or factory)
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
    module_name, _, name = factory.partition(":")
    if not module_name or not name.isidentifier():
        raise UsageError(
            f"--model {factory!r} is not package.module:function, as in "
            "torchvision.models:resnet18."
        )
    here = str(Path.cwd())
    if here not in sys.path:  # a module beside the user, as for python -m
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        raise UsageError(
            f"--model {factory}: cannot import {module_name} ({type(error).__name__}: {error})."
        ) from error
    make: Callable[..., Any] | None = getattr(module, name, None)
    if make is None:
        raise UsageError(f"--model {factory}: {module_name} has no {name!r}.")
    try:
        with torch.random.fork_rng():
            torch.manual_seed(0)  # a model without --weights is the same one every time
            model = make(**arguments)
    except (Exception, SystemExit) as error:
        raise UsageError(f"--model {factory}: {type(error).__name__}: {error}") from error
    if not isinstance(model, nn.Module):
        raise UsageError(f"--model {factory} returned a {type(model).__name__}, not an nn.Module.")
    return model


def _load(model: nn.Module, weights: Path) -> None:
    own = model.state_dict()
    tensors = OrderedDict(checkpoint.read_tensors(weights))
    checkpoint.require_kinds(tensors, own, f"--weights {weights}")
    # Which version of each module wrote them is not in safetensors; MNASNet asks for it.
    tensors._metadata = own._metadata  # type: ignore[attr-defined]
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise CheckpointError(f"--weights {weights} do not fit the model: {reason}") from error
