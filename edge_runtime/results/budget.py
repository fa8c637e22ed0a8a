"""What a run's rows are held to."""

from dataclasses import dataclass
from typing import Annotated

from edge_runtime.documents.strict import Bounds, Count, Magnitude
from edge_runtime.errors import UsageError


@dataclass(frozen=True)
class Budget:
    """Limits that each row is held to; None where there is none.

    Attributes:
        p50_ms, p90_ms, p95_ms, p99_ms: the calls' latency at most.
        peak_bytes: the measuring process's largest resident set at most.
        top1_percent: top-1 at least, on the images that the run used.
        size_bytes: the artifact's file at most.
        energy_mj: millijoules per inference at most.
        slower_percent: how much longer than the first bundle's a later bundle's call may take.
    """

    p50_ms: Magnitude | None = None
    p90_ms: Magnitude | None = None
    p95_ms: Magnitude | None = None
    p99_ms: Magnitude | None = None
    peak_bytes: Count | None = None
    top1_percent: Annotated[float, Bounds(0, 100)] | None = None
    size_bytes: Count | None = None
    energy_mj: Magnitude | None = None
    slower_percent: Magnitude | None = None

    def __post_init__(self) -> None:
        if self.top1_percent is not None and self.top1_percent > 100:
            raise UsageError(f"--budget top1={self.top1_percent:g}%.", "Give at most 100%.")
