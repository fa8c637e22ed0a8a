"""What the operators of an artifact take, by its engine's profiler, in a process of its own."""

from collections.abc import Callable, Sequence
from typing import Any

from edge_runtime import engines
from edge_runtime.engines import Options
from edge_runtime.measure import timing
from edge_runtime.operators.operator import Call, Calls, Operator
from edge_runtime.results.profile import Profile

PRODUCT_SIDE = 512
"""Of the matrices whose product is the ceiling: 134 M multiply-accumulates, 3 MB in FP32."""

_PRODUCT_ENOUGH = timing.Enough(5, 0.3, 5.0)


def measure(
    engine: str, content: bytes, file: str, options: Options, batch: Any, seconds: float
) -> Profile:
    """Profile an artifact.

    Args:
        engine: whose module is imported.
        content: the artifact's bytes, whose hash was checked.
        file: its name.
        options: how it is to run.
        batch: (N, C, H, W).
        seconds: of profiled calls, roughly.

    Raises:
        EngineError: the engine fails.
    """
    profiler: Callable[..., Calls] | None = getattr(engines.get(engine), "profile", None)
    if profiler is None:
        return Profile(reason=f"the Python package of {engine} tells no times of operators")
    with engines.one_error(f"{engine} cannot profile {file}"):
        told = profiler(content, file, options, batch, seconds)
    if not told.calls or not told.calls[0].operators:
        return Profile(reason=f"the profiler of {engine} told of no operator")
    with engines.one_error(f"{engine} cannot multiply matrices"):
        large = {"fp32": _numpy_product(), **_products(engine, PRODUCT_SIDE, options.threads)}
        small = _products(engine, 1, options.threads).get("fp32")
        ceilings = {name: PRODUCT_SIDE**3 / _fastest(call) * 1e9 for name, call in large.items()}
    usual = middle(told.calls)
    return Profile(
        operators=means(usual),
        call_ns=sum(call.duration_ns for call in usual) / len(usual),
        ceiling_fp32_macs_per_s=ceilings["fp32"],
        ceiling_int8_macs_per_s=ceilings.get("int8"),
        smallest_call_ns=_fastest(small) if small else None,
        resolution_ns=told.resolution_ns,
    )


def middle(calls: Sequence[Call]) -> list[Call]:
    """Return the middle half of the calls by their duration, or all if they are few.

    A mean over them (the interquartile mean) is moved by no single interruption, and the means of
    the operators add up to that of them all, which medians do not.
    """
    quarter = len(calls) // 4
    ordered = sorted(calls, key=lambda call: call.duration_ns)
    return ordered[quarter : len(calls) - quarter]


def means(calls: Sequence[Call]) -> tuple[Operator, ...]:
    """Return each operator once, its time the mean over the calls, in the order they first ran."""
    groups: dict[tuple[Any, ...], list[Operator]] = {}
    for call in calls:
        for one in call.operators:
            groups.setdefault((one.name, one.kind, one.output, one.int8), []).append(one)
    return tuple(_mean(group, len(calls)) for group in groups.values())


def _mean(group: list[Operator], calls: int) -> Operator:
    counts = [one.macs for one in group if one.macs is not None]
    first = group[0]
    return Operator(
        name=first.name,
        kind=first.kind,
        time_ns=sum(one.time_ns for one in group) / calls,
        calls=sum(one.calls for one in group) / calls,
        macs=round(sum(counts) / calls) if len(counts) == len(group) else None,
        int8=first.int8,
        output=first.output,
    )


def _products(engine: str, side: int, threads: int) -> dict[str, Callable[[], object]]:
    """Return calls of an engine that multiply two matrices, by precision; none if it has none."""
    offered: Callable[..., dict[str, Callable[[], object]]] | None
    offered = getattr(engines.get(engine), "products", None)
    return offered(side, threads) if offered else {}


def _fastest(call: Callable[[], object]) -> int:
    """Return the duration of the fastest of some calls, in ns."""
    return min(timing.samples(call, _PRODUCT_ENOUGH))


def _numpy_product() -> Callable[[], object]:
    """Return a large product in numpy, for the FP32 of an engine that offers none."""
    import numpy

    draw = numpy.random.default_rng(0)
    matrix = draw.normal(size=(PRODUCT_SIDE, PRODUCT_SIDE)).astype(numpy.float32)
    return lambda: matrix @ matrix
