"""edge-bench's measuring process with a planted slow-down: each call is followed by a busy wait.

    python slowed_worker.py FOLDER FACTOR

``FOLDER`` is where edge_runtime is imported from; a call takes ``FACTOR`` times as long as it
would. Started by ``false_alarms.py`` in place of ``edge_runtime.measure.worker``.
"""

import sys
import time
from pathlib import Path
from typing import Any


class SlowedSession:
    """A session whose calls take ``factor`` times as long."""

    def __init__(self, session: Any, factor: float) -> None:
        self._session, self._factor = session, factor

    def run(self, batch: Any) -> Any:
        """Answer as the session does, later."""
        started = time.perf_counter_ns()
        answer = self._session.run(batch)
        until = started + self._factor * (time.perf_counter_ns() - started)
        while time.perf_counter_ns() < until:
            pass
        return answer


class SlowedEngine:
    """An engine whose sessions are slowed."""

    def __init__(self, engine: Any, factor: float) -> None:
        self._factor, self._load, self.version = factor, engine.load, engine.version

    def load(self, path: Path, threads: int) -> SlowedSession:
        """Load an artifact."""
        return SlowedSession(self._load(path, threads), self._factor)


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    from edge_runtime import engines
    from edge_runtime.measure import worker

    del sys.path[0]
    require, factor = engines.require, float(sys.argv[2])
    engines.require = lambda *wanted: SlowedEngine(require(*wanted), factor)
    worker.main()


if __name__ == "__main__":
    main()
