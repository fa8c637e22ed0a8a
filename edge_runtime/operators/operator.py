"""What an engine's profiler tells: the operators of one call, in the order in which they ran."""

from dataclasses import dataclass

from edge_runtime.documents.strict import Count, Magnitude


@dataclass(frozen=True)
class Operator:
    """One operator of the network that the engine runs, which may be several of the file, fused.

    Attributes:
        name: the engine's, of this one.
        kind: what it computes, in the engine's words; ``kinds.DEPTHWISE`` at its end where a
            convolution has a group for each channel.
        time_ns: how long it took, in one call of the network.
        calls: how often it ran in that call: more than once in a loop.
        macs: multiply-accumulates of one call of the network; None where it is none of those that
            are counted (convolutions and matrix products), or the profiler does not tell its
            shapes.
        int8: whether it computes on 8-bit integers; None where the profiler does not tell. What
            converts does not.
        output: the shape of its output; empty where the profiler does not tell.
    """

    name: str
    kind: str
    time_ns: Magnitude
    calls: Magnitude = 1
    macs: Count | None = None
    int8: bool | None = None
    output: tuple[int, ...] = ()


@dataclass(frozen=True)
class Call:
    """One profiled call of a network.

    Attributes:
        duration_ns: of the whole call, the profiler's own work included.
        operators: in the order in which they ran.
    """

    duration_ns: float
    operators: tuple[Operator, ...]


@dataclass(frozen=True)
class Calls:
    """What a profiler told.

    Attributes:
        calls: one call each.
        resolution_ns: what the engine's clock cuts off each operator's time, at most.
    """

    calls: tuple[Call, ...]
    resolution_ns: float
