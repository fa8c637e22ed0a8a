"""Which machine, which versions: what every record of an experiment says of where it was made."""

from importlib import metadata
from typing import Any

from edge_runtime import __version__
from edge_runtime.documents.values import to_json
from edge_runtime.probes import host


def describe(*libraries: str) -> dict[str, Any]:
    """Return tool, host and the versions of ``libraries``, JSON values only."""
    return {
        "tool": f"cifarq {__version__}",
        "host": to_json(host.describe()),
        "versions": {name: metadata.version(name) for name in libraries},
    }
