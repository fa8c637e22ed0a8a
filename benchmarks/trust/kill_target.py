"""edge-bench, which also notes in a log what it has behind it: what ``kill_nine.py`` kills.

    python kill_target.py FOLDER LOG [ARGUMENTS OF edge-bench]

``FOLDER`` is where edge_runtime is imported from. After each check and each turn, when the result
file has been written, a line is appended to ``LOG``: the turns measured so far, and the round that
has just ended, 0 within one.
"""

import os
import sys
from collections.abc import Callable
from typing import Any


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    from edge_runtime import cli
    from edge_runtime.measure import recording

    del sys.path[0]
    log = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    run = recording.Recording.run

    def logged(self: recording.Recording, progress: Callable[[Any], object], **more: Any) -> Any:
        def note(step: Any) -> None:
            turns = sum(len(row.turns) for row in step.rows)
            os.write(log, f"{turns} {step.ended_round}\n".encode())
            progress(step)

        return run(self, note, **more)

    recording.Recording.run = logged
    sys.argv = ["edge-bench", *sys.argv[3:]]
    cli.main()


if __name__ == "__main__":
    main()
