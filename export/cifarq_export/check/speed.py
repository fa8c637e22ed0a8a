"""The speed of INT8 against FP32 on this CPU, and what was counted where it is not faster."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cifarq_export.check import interleaving
from cifarq_export.check.interleaving import Stretches
from cifarq_export.explain import Explanation
from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.results.statistics import Estimate

ROUNDS = 12
STRETCH_S = 0.1
ATTEMPTS = 3
"""How often it is measured, at most, where the machine is busy: what passes by is waited for."""


@dataclass(frozen=True)
class Speed:
    """How many times as fast as FP32 an artifact is, if that was measured.

    Attributes:
        ratio: with its 95 % interval.
        busy: how much time was lost to others, where that leaves no ratio.
    """

    ratio: Estimate | None = None
    busy: str = ""

    def __str__(self) -> str:
        if self.ratio is not None:
            return str(self.ratio)
        return f"not measured: the machine is busy ({self.busy})" if self.busy else "not measured"


NOT_TIMED = Speed()

_LITTLE = 0.5
"""Share of INT8 multiply-accumulates below which it is the reason for little speed."""

_NAMED = 3


@dataclass(frozen=True)
class Pair:
    """An artifact that is timed: its engine, its file, and the FP32 file it is compared with."""

    engine: str
    path: Path
    precision: str
    fp32: Path


def measure(
    pairs: Mapping[str, Pair],
    how: Preprocessing,
    image: NDArray[np.uint8],
    progress: Callable[[int, int], object] = lambda stretches, total: None,
) -> dict[str, Speed]:
    """Return each artifact's speed as a multiple of its FP32 file's.

    Batch 1, one thread. One engine after the other: at most that engine's artifacts wait beside
    the one that is timed.

    Args:
        pairs: by name.
        how: how an image becomes their input.
        image: (1, C, H, W) uint8.
        progress: called with the stretches timed since the last call, and all of one engine.

    Raises:
        EngineError: an artifact cannot be run.
    """
    speeds: dict[str, Speed] = {}
    for engine in dict.fromkeys(pair.engine for pair in pairs.values()):
        group = {name: pair for name, pair in pairs.items() if pair.engine == engine}
        precisions = {pair.path: pair.precision for pair in group.values()}
        precisions |= {pair.fp32: "fp32" for pair in group.values()}
        take = partial(
            interleaving.interleave,
            {
                str(path): interleaving.artifact(engine, path, precisions[path])
                for path in sorted(precisions)
            },
            how.apply(image),
            rounds=ROUNDS,
            stretch_s=STRETCH_S,
            progress=progress,
        )
        speeds |= take_quiet(take, {n: (str(p.path), str(p.fp32)) for n, p in group.items()})
    return speeds


def take_quiet(
    take: Callable[[], Stretches], pairs: Mapping[str, tuple[str, str]]
) -> dict[str, Speed]:
    """Return speeds by name; measure again, in at most ``ATTEMPTS``, where the machine is busy.

    Args:
        take: measures all subjects.
        pairs: the subject whose speed it is, and the one that it is compared with.
    """
    speeds: dict[str, Speed] = {}
    for _ in range(ATTEMPTS):
        stretches = take()
        for name, (own, reference) in pairs.items():
            if name not in speeds or speeds[name].busy:
                speeds[name] = _speed(stretches, own, reference)
        if not any(speed.busy for speed in speeds.values()):
            break
    return speeds


def _speed(stretches: Stretches, own: str, reference: str) -> Speed:
    busy = stretches.lost_time(reference) or stretches.lost_time(own)
    return Speed(busy=busy) if busy else Speed(stretches.speed(own, reference))


def describe(explanation: Explanation | None) -> str:
    """Return, as a clause, what was counted in an INT8 artifact that is not faster than FP32."""
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
            f"between its operators{_name_without_kernel(explanation)}"
        )
    share = f"{100 * explanation.mac_share:.1f} % of its multiply-accumulates are INT8"
    if explanation.mac_share < _LITTLE:
        bound = 1 / (1 - explanation.mac_share)
        return f"only {share}, which bounds the arithmetic's gain at {bound:.2f} times"
    return f"{share}; cifarq-export explain shows the time of each operator"


def _name_without_kernel(explanation: Explanation) -> str:
    """Return, as the end of a clause, the operators that conversions stand around."""
    named = [f"{kind} ({count})" for kind, count in explanation.without_kernel().items()]
    return f": ONNX Runtime has no INT8 kernel for {', '.join(named[:_NAMED])}" if named else ""


def _time_share(explanation: Explanation, kind: str) -> str:
    times = [(o.kind, o.time_ns or 0) for o in explanation.operators]
    total = sum(time for _, time in times)
    if not total:
        return ""
    return f" ({100 * sum(time for k, time in times if k == kind) / total:.0f} % of its time)"
