"""Is INT8 faster than FP32 here? Measured in turns, and where it is not, why."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cifarq_export.check import interleaving
from cifarq_export.explain import Explanation
from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.probes import host, target
from edge_runtime.results.statistics import Estimate

ROUNDS = 12
TURN_S = 0.1


@dataclass(frozen=True)
class Racer:
    """An artifact that is timed: what runs it, its file, and the FP32 file it is compared with."""

    engine: str
    path: Path
    fp32: Path


def measure(
    racers: Mapping[str, Racer],
    how: Preprocessing,
    image: NDArray[np.uint8],
    progress: Callable[[int, int], object] = lambda turns, total: None,
) -> dict[str, Estimate]:
    """Return each artifact's speed as a multiple of its FP32 file's, with a 95 % interval.

    Batch 1, one thread. One engine after the other: at most that engine's artifacts wait beside
    the one that is timed.

    Args:
        racers: by name.
        how: how an image becomes their input.
        image: (1, C, H, W) uint8.
        progress: called with the turns done since the last call, and those of one engine in all.

    Raises:
        EngineError: an artifact cannot be run.
    """
    found = {}
    for engine in dict.fromkeys(racer.engine for racer in racers.values()):
        group = {name: racer for name, racer in racers.items() if racer.engine == engine}
        paths = {path for racer in group.values() for path in (racer.path, racer.fp32)}
        taken = interleaving.take(
            {str(path): interleaving.artifact(engine, path) for path in sorted(paths)},
            how.apply(image),
            rounds=ROUNDS,
            turn_s=TURN_S,
            progress=progress,
        )
        for name, racer in group.items():
            found[name] = taken.speed(str(racer.path), str(racer.fp32))
    return found


def cause(explanation: Explanation | None, flags: frozenset[str] | None = None) -> str:
    """Return the likeliest reason for an INT8 artifact to be no faster, as a clause."""
    if explanation is None:
        return "which of its operators are INT8 is unknown"
    integer = explanation.counts(int8=True)
    if count := integer.get("ConvInteger"):
        return (
            f"{count} convolutions run as ConvInteger{_time_share(explanation, 'ConvInteger')}, "
            "for which ONNX Runtime has no fast kernel (onnxruntime#6732, #12854)"
        )
    if explanation.quantize_nodes_between:
        return (
            f"{explanation.quantize_nodes_between} conversions between INT8 and FP32 are left "
            "between its operators"
        )
    if explanation.mac_share < _LITTLE:
        bound = 1 / (1 - explanation.mac_share)
        return (
            f"only {100 * explanation.mac_share:.1f} % of its multiply-accumulates are INT8, which "
            f"bounds the arithmetic's gain at {bound:.2f} times, and quantizing activations at "
            "each call costs more than that"
        )
    if not target.dot_product(host.cpu_flags() if flags is None else flags):
        return "this CPU has no INT8 dot product instruction"
    return "its small INT8 operators cost more than they save; see cifarq-export explain"


_LITTLE = 0.5


def _time_share(explanation: Explanation, kind: str) -> str:
    times = [(o.kind, o.time_ns or 0) for o in explanation.operators]
    total = sum(time for _, time in times)
    if not total:
        return ""
    return f" ({100 * sum(time for k, time in times if k == kind) / total:.0f} % of its time)"
