"""Why a load became slower: what the probes tell of the bins before and after, and nothing else."""

from dataclasses import dataclass

from edge_runtime.probes.throttle import Firmware
from edge_runtime.results.sustained import TOLERANCE, Stretch

LEAST_SHARE = 0.02
"""A share of the time that is smaller is no cause: the lower limit of ``rules.WAIT_SHARE``."""

MORE_OFTEN = 2.0
"""What happened before, too, is a cause only where it happens so many times as often."""


@dataclass(frozen=True)
class Slowdown:
    """A load that became slower.

    Attributes:
        before: the bins until then; None where it was slow from the beginning.
        after: those from then on.
        lost_share: share of the throughput that was lost; 0 where it was not measured by that.
    """

    before: Stretch | None
    after: Stretch
    lost_share: float

    def causes(self) -> list[str]:
        """Return what slowed it down, a clause each; none where no probe tells.

        A share of time, or of the clock, is named where it makes up half of what was lost or more.
        """
        heat = [*self._firmware(), *self._processor(), *self._clock()]
        quota = self._quota()
        if heat and (warmer := self.temperatures()):
            heat.insert(0, warmer)
        waiting = [] if quota else self._waiting()  # a quota makes it wait, too
        return [*heat, *quota, *self._steal(), *waiting]

    def temperatures(self) -> str:
        """Say how the temperature rose; '' where that is unknown, or it did not."""
        reached = self.after.highest("temperature_celsius")
        first = next(iter(self.before.known("temperature_celsius")), None) if self.before else None
        if reached is None or (first is not None and reached <= first):
            return ""
        since = "" if first is None else f" (from {first:.0f} °C)"
        return f"the temperature reached {reached:.0f} °C{since}"

    def _firmware(self) -> list[str]:
        before, after = (self._flags(side) for side in (self.before, self.after))
        names = [flag.name or "" for flag in Firmware if flag in after & ~before]
        if not names:
            return []
        return [f"the firmware reports {', '.join(names).lower().replace('_', ' ')}"]

    @staticmethod
    def _flags(side: Stretch | None) -> Firmware:
        flags = Firmware(0)
        for value in side.known("firmware_flags") if side else ():
            flags |= Firmware(int(value))
        return flags

    def _processor(self) -> list[str]:
        rose = self._more_often("cpu_throttle_events")
        return ["the processor throttled itself"] if rose else []

    def _quota(self) -> list[str]:
        if not self._more_often("quota_throttle_events"):
            return []
        periods = sum(self.after.known("quota_throttle_events"))
        return [f"a CPU quota of its control group stopped it in {periods:,.0f} periods"]

    def _clock(self) -> list[str]:
        """Say how the clock fell; the fixed work sees it where the kernel does not."""
        if self.before is None:
            return []
        was, now = (side.middle("frequency_hz") for side in (self.before, self.after))
        if was and now is not None and self._explains(1 - now / was, TOLERANCE):
            return [f"the clock fell from {was / 1e9:.2f} to {now / 1e9:.2f} GHz"]
        was, now = (side.middle("fixed_work_ns") for side in (self.before, self.after))
        if was and now and self._explains(1 - was / now, TOLERANCE):
            return [
                f"a fixed calculation took {100 * (now / was - 1):.0f} % longer, so the core was "
                "slower"
            ]
        return []

    def _steal(self) -> list[str]:
        share = self._rise("steal_share")
        if share is None:
            return []
        return [f"the hypervisor gave {100 * share:.0f} % of its CPU time to other machines"]

    def _waiting(self) -> list[str]:
        share = self._rise("wait_share")
        return [] if share is None else [f"it waited for a CPU {100 * share:.0f} % of the time"]

    def _rise(self, name: str) -> float | None:
        """Return a share after, where it rose by enough to explain half of the loss."""
        after = self.after.mean(name)
        before = self.before.mean(name) if self.before else 0.0
        if after is None or before is None or not self._explains(after - before, LEAST_SHARE):
            return None
        return after

    def _explains(self, share: float, least: float) -> bool:
        return share >= max(least, self.lost_share / 2)

    def _more_often(self, name: str) -> bool:
        after = self.after.events_per_s(name)
        return after > MORE_OFTEN * (self.before.events_per_s(name) if self.before else 0.0)
