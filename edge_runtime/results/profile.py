"""What the operators of a row's network take: measured by the engine's own profiler."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from edge_runtime.documents.strict import Magnitude
from edge_runtime.operators import kinds
from edge_runtime.operators.operator import Operator

__all__ = ["Operator", "Profile", "rate"]


@dataclass(frozen=True)
class Profile:
    """A row's operators.

    Attributes:
        operators: in the order in which they ran; their times are means over the same calls. Empty
            where the engine does not tell.
        call_ns: mean of the whole call under the profiler, whose own work is in it.
        ceiling_fp32_macs_per_s: multiply-accumulates of a large matrix product in FP32, with as
            many threads, a second; None where it was not measured.
        ceiling_int8_macs_per_s: the same in INT8.
        smallest_call_ns: a call that multiplies two numbers, without the profiler: what the engine
            costs; None where it was not measured.
        resolution_ns: what the engine's clock cuts off each operator's time, at most.
        reason: why there are no operators.
    """

    operators: tuple[Operator, ...] = ()
    call_ns: Magnitude = 0
    ceiling_fp32_macs_per_s: Magnitude | None = None
    ceiling_int8_macs_per_s: Magnitude | None = None
    smallest_call_ns: Magnitude | None = None
    resolution_ns: Magnitude = 0
    reason: str = ""

    @cached_property
    def total_ns(self) -> float:
        """All operators together."""
        return sum(operator.time_ns for operator in self.operators)

    @property
    def most_ns(self) -> float:
        """What they take at most, if the engine's clock cut off as much as it can."""
        cut = sum(operator.calls for operator in self.operators) * self.resolution_ns
        return self.total_ns + cut

    @property
    def products(self) -> tuple[Operator, ...]:
        """Convolutions and matrix products."""
        return tuple(one for one in self.operators if kinds.is_product(one.kind))

    @property
    def conversions(self) -> tuple[Operator, ...]:
        """What computes nothing of the network: other types, other orders in memory."""
        return tuple(one for one in self.operators if kinds.is_conversion(one.kind))

    @property
    def others(self) -> tuple[Operator, ...]:
        """All but these."""
        named = {*self.products, *self.conversions}
        return tuple(one for one in self.operators if one not in named)

    def ceiling(self, operator: Operator) -> float | None:
        """Return the measured ceiling of what an operator computes in; None if there is none."""
        if operator.int8 is None:
            return None
        return self.ceiling_int8_macs_per_s if operator.int8 else self.ceiling_fp32_macs_per_s


def rate(operators: Sequence[Operator]) -> float | None:
    """Return multiply-accumulates a second of some operators; None where they are not counted."""
    counts = [operator.macs for operator in operators]
    time_ns = sum(operator.time_ns for operator in operators)
    if not counts or not time_ns or any(count is None for count in counts):
        return None
    return sum(count for count in counts if count is not None) / time_ns * 1e9
