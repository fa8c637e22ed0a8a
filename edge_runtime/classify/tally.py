"""The last line of ``edge-bench classify``: how many images, and how long they took."""

import time
from collections import deque
from collections.abc import Sequence

from edge_runtime.results import statistics

_KEPT = 10_000  # of a stream that never ends, the latest


class Tally:
    """Counts images, and keeps how long each took."""

    def __init__(self) -> None:
        self._images = 0
        self._what = ""
        self._start_ns = self._last_ns = 0
        self._preprocess_ns: deque[int] = deque(maxlen=_KEPT)
        self._model_ns: deque[int] = deque(maxlen=_KEPT)

    def start(self, what: str) -> None:
        """Begin to count; ``what`` is the artifact that runs, and its engine."""
        self._what = what
        self._start_ns = time.perf_counter_ns()

    def add(self, preprocess_ns: int, model_ns: int) -> None:
        """Count an image."""
        self._images += 1
        self._preprocess_ns.append(preprocess_ns)
        self._model_ns.append(model_ns)
        self._last_ns = time.perf_counter_ns()

    def line(self, *, interrupted: bool = False) -> str:
        """Return the line; empty where there is nothing to say.

        Images/s are of everything: reading files or waiting for frames, too.
        """
        if not self._images:
            return "Interrupted." if interrupted else ""
        count = f"{self._images} image{'s' if self._images > 1 else ''}"
        start = f"{'Interrupted: ' if interrupted else ''}{count}, {self._what}"
        per_s = self._images * 1e9 / max(1, self._last_ns - self._start_ns)
        return (
            f"{start}: preprocessing {_times(self._preprocess_ns)}, model "
            f"{_times(self._model_ns)}, {per_s:.1f} images/s including reading. Not a "
            "benchmark: for figures to quote, use edge-bench."
        )


def _times(samples_ns: Sequence[int]) -> str:
    """Return the percentiles that the samples support."""
    shown = (
        (percent, statistics.supported_percentile(samples_ns, percent)) for percent in (50, 90, 99)
    )
    return " ".join(f"p{percent} {ns / 1e6:.2f} ms" for percent, ns in shown if ns is not None)
