"""What is missing here, and what installs it: the bundle's own script if it brings the wheel."""

import importlib.util
import shlex
import sys
from pathlib import Path

from edge_runtime.bundle import manifest
from edge_runtime.bundle.manifest import SETUP_FILE, Manifest
from edge_runtime.errors import BundleError, EngineError


def script_for(module: str, bundle: Path, content: Manifest) -> str:
    """Return the command that installs a module from a bundle; '' if no wheel of it came along."""
    house = content.wheelhouse
    if house is None or not any(w.file.startswith(f"{module}-") for w in house.wheels):
        return ""
    script = bundle / SETUP_FILE
    return shlex.quote(str(script)) if len(script.parts) > 1 else f"./{script}"


def require_numpy(bundle: Path) -> None:
    """Refuse to go on where numpy is not installed, as on a new board.

    Args:
        bundle: what is to run.

    Raises:
        EngineError: it is not installed; what installs it is said.
    """
    if importlib.util.find_spec("numpy"):
        return
    try:
        script = script_for("numpy", bundle, manifest.read(bundle))
    except BundleError:  # said by who opens it
        script = ""
    how = script or "pip install numpy onnxruntime, in a virtual environment"
    raise EngineError(f"numpy is not installed for {sys.executable}:", how)
