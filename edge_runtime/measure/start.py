"""Where a child process starts: ``python start.py MODULE PARENT ...`` runs ``MODULE.main()``.

Inside edge-bench.pyz there is no file to run by its path: the archive's own start takes
``--child MODULE PARENT ...`` and calls ``run``. Both leave ``sys.argv`` as ``[..., MODULE, PARENT,
...]``.
"""

import importlib
import sys


def run(module: str, parent: int) -> None:
    """Run ``main`` of a module in this process, which ends with its parent.

    The package itself is imported from the first entry of ``sys.path``, which the caller has put
    there: the child is of the same edge_runtime as its parent. Everything else is found where it
    would be without us, so the entry is then removed.

    Args:
        module: its full name.
        parent: the parent's process id.
    """
    importlib.import_module("edge_runtime")
    del sys.path[0]
    # Tied to its parent before it imports anything that takes time.
    importlib.import_module("edge_runtime.measure.child").die_with_parent(parent)
    importlib.import_module(module).main()


if __name__ == "__main__":
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    run(sys.argv[1], int(sys.argv[2]))
