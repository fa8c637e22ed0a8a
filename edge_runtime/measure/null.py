"""An engine that computes nothing: what remains when it is timed is the harness."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

REQUIRES = "numpy"
INSTALL = "pip install numpy"


class NullSession:
    """Answers every batch alike, at once."""

    _logits = np.zeros((1, 1), dtype=np.float32)

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the same (1, 1) array, whatever the batch."""
        return self._logits


def load(path: Path, threads: int) -> NullSession:
    """Return a session; the file is not looked at."""
    return NullSession()


def version() -> str:
    """Return numpy's version: there is nothing else."""
    return np.__version__
