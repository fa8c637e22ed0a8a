"""The half of ``setup-device.sh`` that is Python: an environment from the bundle's wheels alone.

It runs out of ``edge-bench.pyz`` where nothing is installed yet, so it needs the standard library
alone.

Source: PEP 668 (the system's Python takes no packages).
"""

import argparse
import os
import platform
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TextIO

from edge_runtime.bundle import manifest
from edge_runtime.bundle.manifest import RUNTIME_FILE, SETUP_FILE, Manifest
from edge_runtime.errors import BundleError
from edge_runtime.setup import environment
from edge_runtime.setup.fit import (
    Exit,
    SetupError,
    needed_bytes,
    require_fit,
    require_whole,
    shown,
    this_platform,
)


def main() -> None:
    """Set the device up; the arguments are the bundle's folder, then those of the script."""
    bundle, *arguments = sys.argv[1:]
    parser = argparse.ArgumentParser(prog=SETUP_FILE, add_help=False, allow_abbrev=False)
    parser.add_argument("--venv", type=Path, metavar="DIR")
    asked = parser.parse_args(arguments)
    try:
        with _ending_politely():
            set_up(Path(bundle), asked.venv)
    except SetupError as error:
        for line in error.lines:
            _say(f"Error: {line}", sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _say("Interrupted: nothing was left behind. Run it again.", sys.stderr)
        sys.exit(130)


def set_up(bundle: Path, where: Path | None = None) -> None:
    """Make the environment that a bundle needs, unless it is there.

    Args:
        bundle: the folder.
        where: the environment; None for ``.venv`` in the bundle.

    Raises:
        SetupError: it cannot be made; nothing is left of it.
    """
    folder = (where or bundle / environment.FOLDER).absolute()
    try:
        content = manifest.read(bundle)
    except BundleError as error:
        raise SetupError(Exit.BUNDLE, str(error)) from error
    if content.wheelhouse is None:
        raise SetupError(
            Exit.BUNDLE,
            "this bundle brings no wheels. Export it with --wheels NAME, or install numpy and an "
            "engine by pip.",
        )
    if environment.is_ready(folder, content.wheelhouse):
        require_whole(bundle, content, with_wheels=False)
        _say(f"{shown(folder)} is set up already.")
    else:
        require_fit(content.wheelhouse, this_platform())
        files = require_whole(bundle, content, with_wheels=True)
        need = needed_bytes(files)
        with environment.alone(folder, need):
            if not environment.is_ready(folder, content.wheelhouse):  # by another setup, meanwhile
                with environment.building(folder, need):
                    _fill(folder, files, need, bundle, content)
                    environment.finish(folder, content.wheelhouse)
        _say("Ready.")
    _say_next(bundle, folder, default=where is None)


def _fill(folder: Path, files: list[Path], need: int, bundle: Path, content: Manifest) -> None:
    """Install the wheels, try the engines, and say so."""
    _say(
        f"Installing {len(files)} wheels into {shown(folder)} with Python "
        f"{platform.python_version()}..."
    )
    environment.install(folder, files, need)
    for line in environment.check_engines(folder, bundle / RUNTIME_FILE, content):
        _say(line)


def _say_next(bundle: Path, folder: Path, *, default: bool) -> None:
    python = "python3" if default else shlex.quote(shown(Path(environment.python_of(folder))))
    start = f"  {python} {shlex.quote(shown(bundle / RUNTIME_FILE))}"
    for line in ("Next:", f"{start} doctor", start, f"{start} classify IMAGE"):
        _say(line)


def _say(line: str, where: TextIO | None = None) -> None:
    """Print a line, or go on where nobody reads it any more: ``| head -1``, a lost terminal."""
    stream = where or sys.stdout
    try:
        print(line, file=stream, flush=True)
    except OSError:
        # What is still to be said, and what Python writes out at its end, goes nowhere.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


@contextmanager
def _ending_politely() -> Iterator[None]:
    """Treat a closed terminal, and a request to end, as Ctrl-C: there is something to remove."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGHUP, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
