"""edge-bench's measuring process with a planted slow-down: each call is followed by a busy wait.

    python slowed_worker.py FOLDER FACTOR

``FOLDER`` is where edge_runtime is imported from; a call takes ``FACTOR`` times as long as it
would. Started by ``false_alarms.py`` in place of ``edge_runtime.measure.worker``.
"""

import sys
import time
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


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    from edge_runtime import engines
    from edge_runtime.measure import worker

    del sys.path[0]
    load, factor = engines.load, float(sys.argv[2])
    engines.load = lambda *wanted: SlowedSession(load(*wanted), factor)
    worker.main()


if __name__ == "__main__":
    main()
