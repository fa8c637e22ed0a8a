"""A thread that reads a source again and again, while something else works."""

import threading
import time

from edge_runtime.errors import reason
from edge_runtime.probes.energy import integration
from edge_runtime.probes.energy.source import Sample, Source


class Sampler:
    """Samples of a source within a ``with`` block: one at its start, one at its end, more between.

    A reading that takes longer than its period costs the samples that would have come meanwhile:
    they are not made up for.

    Args:
        source: what is read.
        hz: how often; as the source says if None.

    Attributes:
        samples: in the order in which they were read.
        problem: what the source's last failure said; empty where there was none.
    """

    def __init__(self, source: Source, hz: float | None = None) -> None:
        self.hz = hz or source.hz
        self.samples: list[Sample] = []
        self.problem = ""
        self._source, self._over = source, threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "Sampler":
        self._read()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()
        self._read()

    @property
    def joules(self) -> float | None:
        """What was used between the first and the last sample; None where too little was read."""
        return integration.integrate(self.samples)

    @property
    def duration_ns(self) -> int:
        """How long that was."""
        return integration.duration_ns(self.samples)

    @property
    def coverage(self) -> float:
        """Which share of that time has samples as near to each other as they should be."""
        return integration.coverage(self.samples, self.hz)

    @property
    def read(self) -> int:
        """In how many samples something was read."""
        return sum(sample.known for sample in self.samples)

    def _sample(self) -> None:
        period_s = 1 / self.hz
        due = time.monotonic() + period_s
        while not self._over.wait(max(0.0, due - time.monotonic())):
            self._read()
            missed = max(0, int((time.monotonic() - due) / period_s))
            due += (1 + missed) * period_s

    def _read(self) -> None:
        try:
            sample = self._source.read()
        except Exception as error:  # a meter's own code: the sample is missed, the load goes on
            self.problem = reason(error)
            sample = Sample(time.monotonic_ns())
        self.samples.append(sample)
