"""What a source of energy is: something that is read again and again, and says what it covers."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Sample:
    """What a source read at one moment.

    Attributes:
        monotonic_ns: when, by ``time.monotonic_ns``: no change of the date moves that clock.
        joules: what a counter has counted since its first sample: it never falls.
        watts: what a sensor shows. Both are None where nothing could be read.
    """

    monotonic_ns: int
    joules: float | None = None
    watts: float | None = None

    @property
    def known(self) -> bool:
        """Whether something was read."""
        return self.joules is not None or self.watts is not None


class Source(Protocol):
    """A counter of joules or a sensor of watts.

    Attributes:
        name: what it is.
        covers: what of the machine it measures, and what it leaves out.
        hz: how often it is worth reading, 10 or more.
    """

    name: str
    covers: str
    hz: float

    def read(self) -> Sample:
        """Return what it shows now."""
