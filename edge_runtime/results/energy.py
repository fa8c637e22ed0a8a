"""What an inference takes, in joules: windows under load, with the idle power around each.

What the machine takes while it does nothing is measured before and after each window, and does not
count: the rest is what the work costs.
"""

from dataclasses import dataclass

from edge_runtime.documents.strict import Count, Magnitude, Share
from edge_runtime.results.statistics import Estimate, mean

LEAST_COVERAGE = 0.95
"""A window with less of it covered by samples is not used: what lies between them is not known."""


@dataclass(frozen=True)
class Window:
    """One window under load.

    Attributes:
        calls: so many were made in it.
        duration_ns: how long it was, from its first sample to its last.
        joules: what the source says was used in it; None where it was not read.
        idle_before_w, idle_after_w: the mean power of the idle windows around it; None where that
            was not read, or not covered.
        samples: how often the source was read in it.
        coverage: which share of it has samples near enough to each other.
    """

    calls: Count
    duration_ns: Count
    joules: Magnitude | None
    idle_before_w: Magnitude | None
    idle_after_w: Magnitude | None
    samples: Count
    coverage: Share

    @property
    def call_j(self) -> float | None:
        """What a call takes beyond idle, in joules; None where that is unknown."""
        idle = (self.idle_before_w, self.idle_after_w)
        if self.joules is None or None in idle or not self.calls:
            return None
        if self.coverage < LEAST_COVERAGE:
            return None
        idle_w = sum(watts or 0 for watts in idle) / 2
        return (self.joules - idle_w * self.duration_ns / 1e9) / self.calls


@dataclass(frozen=True)
class Energy:
    """What an inference takes, or the reason why that is unknown.

    Attributes:
        source: what was read.
        covers: what of the machine that measures, and what it leaves out.
        hz: how often it was read in a second, on average.
        windows: under load, in the order in which they were measured.
        reason: why there is no figure; empty where there is one.
    """

    source: str = ""
    covers: str = ""
    hz: Magnitude = 0
    windows: tuple[Window, ...] = ()
    reason: str = ""

    def mj_per_inference(self, batch_size: int) -> Estimate | None:
        """Return the millijoules of an image beyond idle, with an interval over the windows.

        None where fewer than 2 windows are known. The interval may hold 0: then the load is not
        told from idle.

        Args:
            batch_size: images a call.
        """
        known = self.windows_mj(batch_size)
        return mean(known) if len(known) > 1 else None

    def windows_mj(self, batch_size: int) -> list[float]:
        """Return the millijoules of an image beyond idle in each window where they are known.

        Args:
            batch_size: images a call.
        """
        calls_j = [window.call_j for window in self.windows]
        return [1e3 * joules / batch_size for joules in calls_j if joules is not None]
