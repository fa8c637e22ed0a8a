"""Blocks of slow static INT8 back to FP32, where conversions cost more than INT8 saves."""

from dataclasses import replace
from pathlib import Path

from cifarq_export import formats
from cifarq_export.bundle.artifact import Made, Maker
from cifarq_export.check import gates, speed
from cifarq_export.check.speed import Speed
from cifarq_export.explain import Explanation
from cifarq_export.formats import STATIC
from cifarq_export.int8 import blocks
from edge_runtime.files import write_bytes


def speed_up(one: Made, maker: Maker, fp32: Path) -> Made:
    """Return the artifact as it is fastest: as it was, or with blocks around one operator in FP32.

    The operator is the most frequent one without an INT8 kernel. Two trials are made: all blocks
    around it, and the half of them that compute least. What loses more top-1 than is allowed is
    not taken.

    Args:
        one: an artifact whose speed was measured.
        maker: what made it.
        fp32: the file that its speed is compared with.

    Raises:
        EngineError: a trial cannot be run.
    """
    if not (trials := _trials(one, maker)):
        return one
    best, content = one, one.path.read_bytes()
    for nodes in trials:
        trial = maker.return_blocks(one, nodes)
        trial = replace(trial, speed=_time(trial, maker, fp32))
        allowed = max(maker.limits.max_drop, one.checked.drop.value)
        if _is_faster(trial, best) and trial.checked.drop.value <= allowed:
            best, content = trial, one.path.read_bytes()
    write_bytes(one.path, content)
    return best


def _time(trial: Made, maker: Maker, fp32: Path) -> Speed:
    measured = speed.measure(
        {"trial": speed.Pair(trial.engine, trial.path, trial.precision, fp32)},
        maker.recipe.how,
        maker.baseline.images.images[:1],
        lambda done, total: maker.watch("timing blocks in FP32", done, total),
    )
    return measured["trial"]


def _trials(one: Made, maker: Maker) -> list[tuple[str, ...]]:
    """Return the nodes that each trial returns to FP32; none where INT8 is not slow."""
    ratio = one.speed.ratio
    slow = ratio is not None and ratio.high < gates.FULL_SPEED
    if one.precision != STATIC or not slow or one.explanation is None:
        return []
    kind = next(iter(one.explanation.without_kernel()), None)
    static = formats.static(one.format, maker.source, one.recipe)
    if kind is None or static is None:
        return []
    found = blocks.around(static.model, kind)
    macs = _macs(one.explanation, static.layers)
    found.sort(key=lambda block: sum(macs.get(node, 0) for node in block))
    halves = dict.fromkeys((len(found), len(found) // 2))
    trials = [tuple(node for block in found[:count] for node in block) for count in halves if count]
    # Blocks that are all of the model leave nothing to quantize.
    return [nodes for nodes in trials if static.layers.keys() - {*nodes, *one.recipe.keep_fp32}]


def _macs(explanation: Explanation, layers: dict[str, str]) -> dict[str, int]:
    """Return each layer's multiply-accumulates, by its node."""
    by_name = {operator.layer: operator.macs for operator in explanation.operators}
    return {node: by_name.get(name, 0) for node, name in layers.items()}


def _is_faster(trial: Made, best: Made) -> bool:
    new, old = trial.speed.ratio, best.speed.ratio
    return new is not None and old is not None and new.low > old.value
