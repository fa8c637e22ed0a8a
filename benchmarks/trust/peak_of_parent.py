"""edge-bench, which also writes down its own peak memory when it ends, in bytes (VmHWM).

    python peak_of_parent.py FOLDER FILE [ARGUMENTS OF edge-bench]

``FOLDER`` is where edge_runtime is imported from. Started by ``footprint.py``. ``ru_maxrss`` would
not do: it inherits the peak of whatever started the process.
"""

import re
import sys


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    from edge_runtime.cli import main as edge_bench

    del sys.path[0]
    file = sys.argv[2]
    sys.argv = ["edge-bench", *sys.argv[3:]]
    try:
        edge_bench()
    finally:
        with open("/proc/self/status") as status:  # noqa: PTH123 - pathlib would be memory of ours
            peak = re.search(r"VmHWM:\s+(\d+) kB", status.read())
        with open(file, "w") as out:  # noqa: PTH123
            out.write(str(int(peak[1]) * 1024 if peak else 0))


if __name__ == "__main__":
    main()
