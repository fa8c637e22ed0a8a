"""Which layers lose the accuracy of a static INT8 model, and what it costs to leave them FP32.

Each layer is quantized alone and the logits are compared with FP32's: a layer whose weights or
activations do not fit into 8 bits stands out. The worst are returned to FP32, twice as many with
each trial, until the drop holds.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cifarq.evaluation.noise import signal_to_noise_db
from cifarq_export import formats
from cifarq_export.check import gates
from cifarq_export.formats import Recipe, Written
from cifarq_export.formats import onnx as onnx_format
from cifarq_export.int8 import onnx_graph, qdq
from cifarq_export.sources import Source
from edge_runtime.files import write_bytes
from edge_runtime.measure import accuracy

IMAGES = 200
"""Validation images that layers are compared on: enough to rank them, few enough to wait for."""


@dataclass(frozen=True)
class LayerCost:
    """What quantizing one layer alone does.

    Attributes:
        node: its node in the folded graph.
        layer: what the user knows it as.
        changed: share of images (0-1) put in another class than by FP32.
        snr_db: the logits' power over their error's.
    """

    node: str
    layer: str
    changed: float
    snr_db: float


@dataclass(frozen=True)
class Fallback:
    """What a fallback came to.

    Attributes:
        written, checked: of the trial that was kept.
        layers: returned to FP32 in it, the worst first.
        trials: how many were made.
    """

    written: Written
    checked: gates.Checked
    layers: tuple[str, ...]
    trials: int


def layer_costs(
    source: Source,
    recipe: Recipe,
    reference: gates.Reference,
    progress: Callable[[int, int], object] = lambda layers, total: None,
) -> tuple[LayerCost, ...]:
    """Return what each layer costs, the worst first.

    Args:
        source: what is exported.
        recipe: how the artifact is to be.
        reference: FP32's answers; the first ``IMAGES`` are used.
        progress: called with the layers done since the last call, and how many there are.
    """
    folded = onnx_format.static_base(source, recipe)
    ranges = onnx_format.static_ranges(folded, source, recipe)
    images, logits = reference.images.images[:IMAGES], reference.logits[:IMAGES]
    size = source.batch if isinstance(source.batch, int) else 1
    found = []
    layers = qdq.layers(folded)
    for node, layer in layers.items():
        alone = qdq.quantize(folded, ranges, recipe.target, only=node)
        run = onnx_graph.session(alone, layer).run
        answers = accuracy.logits_of(run, images, recipe.how, batch_size=size)
        changed = 1 - accuracy.agreement(answers, logits).value
        found.append(LayerCost(node, layer, changed, signal_to_noise_db(logits, answers)))
        progress(1, len(layers))
    return tuple(sorted(found, key=lambda cost: cost.snr_db))


def fall_back(
    source: Source,
    recipe: Recipe,
    path: Path,
    reference: gates.Reference,
    limits: gates.Limits,
    costs: tuple[LayerCost, ...],
    before: gates.Checked,
    progress: Callable[[int], object] = lambda images: None,
) -> Fallback | None:
    """Write the artifact again with the worst layers in FP32, until its drop holds.

    The drop holds when its measured value does not exceed ``limits.max_drop``. At most
    ``limits.fallback_trials`` trials are made, with 1, 2, 4, ... layers, and at last all but one;
    the best is kept.

    Args:
        source: what is exported.
        recipe: how the artifact is to be.
        path: the artifact.
        reference: FP32's answers.
        limits: what drop is allowed, and how many trials.
        costs: of the layers, the worst first.
        before: what the artifact came to with all layers in INT8.
        progress: called with the images checked since the last call.

    Returns:
        The kept trial, or None where none was better than what was there before.
    """
    best: Fallback | None = None
    smallest, content = before.drop.value, path.read_bytes()
    for trial, count in enumerate(trial_sizes(len(costs), limits.fallback_trials), 1):
        kept = costs[:count]
        again = replace(recipe, keep_fp32=tuple(cost.node for cost in kept))
        written = onnx_format.write(source, "int8-static", path, again)
        checked = gates.check(path, formats.engine_of("onnx"), recipe.how, reference, progress)
        if checked.drop.value < smallest:
            layers = tuple(cost.layer for cost in kept)
            best = Fallback(written, checked, layers, trial)
            smallest, content = checked.drop.value, path.read_bytes()
        if checked.drop.value <= limits.max_drop:
            break
    write_bytes(path, content)
    return best


def trial_sizes(layers: int, trials: int) -> list[int]:
    """Return how many layers each trial returns to FP32: 1, 2, 4, ..., at last all but one."""
    sizes = [min(2**trial, layers - 1) for trial in range(trials)]
    return [size for size in dict.fromkeys(sizes) if size > 0]


def has_more_trials(layers: int, trials: int) -> bool:
    """Say whether allowing one trial more would make one more."""
    return len(trial_sizes(layers, trials + 1)) > len(trial_sizes(layers, trials))


def worst(costs: tuple[LayerCost, ...], count: int = 3) -> str:
    """Return a sentence that names the layers that cost most."""
    named = ", ".join(
        f"{cost.layer} (alone changes {100 * cost.changed:.1f} % of classes, "
        f"{_decibels(cost.snr_db)})"
        for cost in costs[:count]
    )
    return f"The layers that lose most: {named}. " if named else ""


def _decibels(value: float) -> str:
    return f"{value:.0f} dB" if np.isfinite(value) else "exact"
