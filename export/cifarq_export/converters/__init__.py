"""Converters of others, each run as a process of its own: a crash of one ends no export.

mnn.py          MNN's two
mnn_program.py  what runs in that process
pnnx.py         ncnn's
"""

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from edge_runtime.errors import ExportError

_TIMEOUT_S = 600


def convert(what: str, command: Sequence[str | Path], folder: Path, made: Sequence[str]) -> None:
    """Run a converter.

    Args:
        what: it is called.
        command: its program and options.
        folder: where it runs.
        made: the files that it has to leave there.

    Raises:
        ExportError: it fails, takes ten minutes, or leaves no such file.
    """
    remedy = "Leave the format out with --format."
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ExportError(f"{what} did not end in {_TIMEOUT_S} s.", remedy) from error
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        raise ExportError(f"{what} ended by {name} while it converted this model.", remedy)
    if done.returncode or not all((folder / name).exists() for name in made):
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        said = lines[-1] if lines else f"exit code {done.returncode}"
        raise ExportError(f"{what} cannot convert this model: {said}", remedy)
