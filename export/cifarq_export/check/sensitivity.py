"""Which layers lose the accuracy of a static INT8 model, and what it costs to leave them FP32.

Each layer is quantized alone and the logits are compared with FP32's: a layer whose weights or
activations do not fit into 8 bits stands out. The worst are returned to FP32, twice as many with
each trial, until the drop holds.
"""

from collections.abc import Callable
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cifarq.evaluation.noise import signal_to_noise_db
from cifarq_export import formats
from cifarq_export.check import arithmetic, baseline, gates
from cifarq_export.check.arithmetic import JudgedBy
from cifarq_export.check.baseline import Baseline
from cifarq_export.formats import STATIC, Recipe, Written
from cifarq_export.int8 import cache
from cifarq_export.int8.static import Static
from cifarq_export.sources import Source
from edge_runtime.files import write_bytes
from edge_runtime.measure import accuracy

IMAGES = 100
"""Validation images that layers are compared on: enough to rank them, few enough to wait for."""

_VERSION = 1
"""Part of the cache's key: to be raised when costs are found in another way."""


@dataclass(frozen=True)
class Subject:
    """The static INT8 model whose layers are looked at.

    Attributes:
        source: what is exported.
        format: the format it is written in.
        recipe: how it is to be.
        baseline: the FP32 model's answers.
        judged_by: what computes its answers.
    """

    source: Source
    format: str
    recipe: Recipe
    baseline: Baseline
    judged_by: JudgedBy

    def write(self, path: Path, **changes: object) -> Written:
        """Write the model to a file, with changes of the recipe."""
        recipe = replace(self.recipe, **changes)  # type: ignore[arg-type]
        return formats.get(self.format).write(self.source, STATIC, path, recipe)

    def check(
        self, path: Path, progress: Callable[[int], object] = lambda images: None
    ) -> gates.Checked:
        """Compare a written model's answers with the FP32 model's.

        Raises:
            EngineError: the engine is missing or refuses it.
        """
        images = self.baseline.images
        logits = arithmetic.answer(
            path, self.format, STATIC, self.judged_by, self.recipe.how, images, progress
        )
        return gates.compare(logits, self.baseline)


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
class Trial:
    """A static INT8 model as it was written and checked.

    Attributes:
        written: what the format says of the file.
        checked: its answers, compared.
        layers: returned to FP32 in it, the worst first.
        nodes: those layers' nodes.
    """

    written: Written
    checked: gates.Checked
    layers: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()


def layer_costs(
    subject: Subject, progress: Callable[[int, int], object] = lambda layers, total: None
) -> tuple[LayerCost, ...]:
    """Return what each layer costs, the worst first.

    Args:
        subject: the model; the first ``IMAGES`` of its baseline are used.
        progress: called with the layers done since the last call, and how many there are.
    """
    static = formats.static(subject.format, subject.source, subject.recipe)
    if static is None:
        return ()
    few = np.arange(min(IMAGES, len(subject.baseline.images)))
    part = Baseline(subject.baseline.images.take(few), subject.baseline.logits[few])
    found = cache.of_user(subject.recipe.scratch)
    key = _key(subject, static, part)
    for content in found.contents(key):
        if (known := _read(content, static)) is not None:
            progress(len(known), len(known))
            return known
    costs = []
    for node, layer in static.layers.items():
        costs.append(_cost(subject, static, part, node, layer))
        progress(1, len(static.layers))
    costs.sort(key=lambda cost: cost.snr_db)
    found.write(key, [astuple(cost) for cost in costs])
    return tuple(costs)


def _cost(subject: Subject, static: Static, part: Baseline, node: str, layer: str) -> LayerCost:
    """Quantize one layer alone, and compare. Integers are the same in batches of any size."""
    run = static.open(only=node)
    size, how = baseline.batch_size(subject.source), subject.recipe.how
    logits = accuracy.logits_of(run, part.images.images, how, batch_size=size)
    changed = float((logits.argmax(axis=1) != part.logits.argmax(axis=1)).mean())
    return LayerCost(node, layer, changed, signal_to_noise_db(part.logits, logits))


def _key(subject: Subject, static: Static, part: Baseline) -> str:
    return cache.key_of(
        static.model,
        part.images.images.tobytes(),
        *("layer costs", _VERSION, sorted(static.ranges.items()), static.target),
        *(subject.judged_by, repr(subject.recipe.how)),
    )


def _read(content: Any, static: Static) -> tuple[LayerCost, ...] | None:
    """Return what a cache holds, or None where it is not what this code wrote."""
    try:
        costs = tuple(
            LayerCost(str(node), str(layer), float(changed), float(snr_db))
            for node, layer, changed, snr_db in content
        )
    except (ValueError, TypeError):
        return None
    return costs if {cost.node: cost.layer for cost in costs} == static.layers else None


def fall_back(
    subject: Subject,
    path: Path,
    first: Trial,
    limits: gates.Limits,
    costs: tuple[LayerCost, ...],
    progress: Callable[[int], object] = lambda images: None,
) -> Trial:
    """Write the artifact again with the worst layers in FP32, until its accuracy holds.

    See ``gates.holds``. At most ``limits.fallback_trials`` trials are made, with 1, 2, 4, ...
    layers, and at last all but one; the best is kept in the file.

    Args:
        subject: the model.
        path: the artifact, with all layers in INT8.
        first: what is known of it.
        limits: what drop is allowed, and how many trials.
        costs: of the layers, the worst first.
        progress: called with the images checked since the last call.

    Returns:
        The best trial; ``first`` where none was better.
    """
    best, content = first, path.read_bytes()
    for count in trial_sizes(len(costs), limits.fallback_trials):
        nodes = tuple(cost.node for cost in costs[:count])
        written = subject.write(path, keep_fp32=nodes)
        checked = subject.check(path, progress)
        holds = gates.holds(checked, limits)
        if holds or checked.drop.value < best.checked.drop.value:
            best = Trial(written, checked, tuple(cost.layer for cost in costs[:count]), nodes)
            content = path.read_bytes()
        if holds:
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


def describe_worst(costs: tuple[LayerCost, ...], count: int = 3) -> str:
    """Return a sentence that names the layers that cost most; empty if there are none."""
    named = ", ".join(
        f"{cost.layer} (alone changes {100 * cost.changed:.1f} % of classes, "
        f"{_decibels(cost.snr_db)})"
        for cost in costs[:count]
    )
    return f"The layers that lose most: {named}. " if named else ""


def _decibels(value: float) -> str:
    return f"{value:.0f} dB" if np.isfinite(value) else "exact"
