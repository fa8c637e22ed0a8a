"""The form in which a network is deployed, where its modules offer one.

RepVGG, MobileOne and their kind train several branches that compute what one convolution can. Their
modules say how to merge them, each project with a method of its own name.

Source: X. Ding et al., RepVGG: Making VGG-style ConvNets Great Again, 2021.
"""

import contextlib
import copy
import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from cifarq.evaluation.evaluate import torch_predictor
from cifarq_export.sources import Source
from edge_runtime.errors import reason

METHODS = ("fuse", "reparameterize", "switch_to_deploy")
"""What projects call it. ``fuse`` may return what takes the module's place; the others do not."""

_TOLERANCE = 1e-3
"""Of the largest answer. Sums in another order move it by 1e-6 in nine networks of timm."""

_IMAGES = 8


def deploy(source: Source) -> tuple[Source, str]:
    """Merge the branches of a PyTorch source, on a copy, if that changes no answer.

    Returns:
        The source, or it as it was with a sentence that says why; the sentence is empty where
        there is nothing to tell.
    """
    assert source.module is not None
    try:
        with torch.no_grad():
            module = _merge(copy.deepcopy(source.module))
        if _names(module) == _names(source.module):
            return source, ""
        merged = replace(source, module=module.eval(), predict=torch_predictor(module))
        difference = _difference(merged, source)
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        return source, _explain_refusal(f"{type(error).__name__}: {reason(error)}")
    if not difference <= _TOLERANCE:  # not a number is no small one
        return source, _explain_refusal(f"answers change by {difference:.1g} of the largest")
    change = (
        f"The model was reparameterized for deployment: {_count(module)} parameters instead of "
        f"{_count(source.module)}."
    )
    return replace(merged, changes=(*source.changes, change)), ""


def _merge(module: nn.Module) -> nn.Module:
    """Return a module with its branches merged, and those of its submodules."""
    method = _method(module)
    answer = method() if method else None
    merged = answer if isinstance(answer, nn.Module) else module
    for name, child in list(merged.named_children()):
        setattr(merged, name, _merge(child))
    return merged


def _method(module: nn.Module) -> Callable[[], Any] | None:
    """Return the first of ``METHODS`` that the module's class has and that needs no argument."""
    for name in METHODS:
        # Of the class: an attribute of this name may be a layer.
        if not inspect.isroutine(getattr(type(module), name, None)):
            continue
        method: Callable[[], Any] = getattr(module, name)
        with contextlib.suppress(TypeError):
            inspect.signature(method).bind()
            return method
    return None


def _names(module: nn.Module) -> set[str]:
    """Return what tells a merged module from one that is not: the names of its parameters."""
    return {name for name, _ in module.named_parameters()}


def _difference(merged: Source, source: Source) -> float:
    """Return how far answers move, as a share of the largest; NaN where one is not finite."""
    # Patches of many sizes and colours: to mere noise a network answers nearly the same always.
    draw = np.random.default_rng(0)
    channels, height, width = source.input_shape
    patches = draw.integers(0, 256, (_IMAGES, channels, 8, 8), np.uint8)
    tiles = patches.repeat(-(-height // 8), axis=2).repeat(-(-width // 8), axis=3)
    batch = source.how.apply(np.ascontiguousarray(tiles[..., :height, :width]))
    before, after = source.predict(batch), merged.predict(batch)
    if before.shape != after.shape:
        return float("nan")
    return float(np.abs(after - before).max() / max(np.abs(before).max(), 1e-30))


def _explain_refusal(why: str) -> str:
    return f"The model's branches are kept, as merging them for deployment failed: {why}."


def _count(module: nn.Module) -> str:
    count = sum(parameter.numel() for parameter in module.parameters())
    return f"{count / 1e6:.2f} M" if count >= 10_000 else f"{count:,}"
