"""Which bundle is meant where none is named."""

from pathlib import Path

import edge_runtime
from edge_runtime.bundle import manifest


def default_bundle() -> Path:
    """Return ``edge-bench.pyz``'s own folder if that is a bundle, else the current one."""
    archive = Path(edge_runtime.__file__).parent.parent
    if archive.is_file() and (archive.parent / manifest.FILE).is_file():
        return archive.parent
    return Path.cwd()
