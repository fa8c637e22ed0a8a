"""The half of ``setup-device.sh`` that is Python: an environment from the bundle's wheels alone.

It runs out of ``edge-bench.pyz`` where nothing is installed yet, so it needs the standard library
alone.

Source: PEP 668 (the system's Python takes no packages).
"""

import argparse
import platform
import shlex
import sys
from pathlib import Path

from edge_runtime.bundle import manifest
from edge_runtime.bundle.manifest import RUNTIME_FILE, SETUP_FILE, Manifest
from edge_runtime.command import program, streams
from edge_runtime.errors import ToolkitError
from edge_runtime.printable import one_line
from edge_runtime.setup import environment
from edge_runtime.setup.fit import (
    SetupError,
    needed_bytes,
    require_64_bit,
    require_fit,
    require_whole,
    shown,
    this_platform,
)


def main() -> None:
    """Set the device up; the arguments are the bundle's folder, then those of the script."""
    program.start(_run)


def _run() -> None:
    bundle, *arguments = sys.argv[1:]
    parser = argparse.ArgumentParser(prog=SETUP_FILE, add_help=False, allow_abbrev=False)
    parser.add_argument("--venv", type=Path, metavar="DIR")
    options = parser.parse_args(arguments)
    try:
        set_up(Path(bundle), options.venv)
    except ToolkitError as error:
        for line in error.lines if isinstance(error, SetupError) else (str(error),):
            streams.tell(f"Error: {line}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        streams.tell("Interrupted: nothing was left behind. Run it again.")
        sys.exit(130)


def set_up(bundle: Path, where: Path | None = None) -> None:
    """Make the environment that a bundle needs, unless it is there.

    Args:
        bundle: the folder.
        where: the environment; None for ``.venv`` in the bundle.

    Raises:
        SetupError: it cannot be made; nothing is left of it.
        BundleError: the folder is no bundle.
        UsageError: ``where`` holds something else.
    """
    require_64_bit()
    folder = (where or bundle / environment.FOLDER).absolute()
    content = manifest.read(bundle)
    if content.wheelhouse is None:
        raise SetupError(
            "this bundle brings no wheels.",
            "Export it with --wheels NAME, or install numpy and an engine by pip.",
        )
    if environment.is_ready(folder, content.wheelhouse):
        require_whole(bundle, content, with_wheels=False)
        streams.show(f"{one_line(shown(folder))} is set up already.")
    else:
        require_fit(content.wheelhouse, this_platform())
        files = require_whole(bundle, content, with_wheels=True)
        need = needed_bytes(files)
        with environment.building(folder, need):
            _fill(folder, files, need, content)
            environment.finish(folder, content.wheelhouse)
        streams.show("Ready.")
    _say_next(bundle, folder, default=where is None)


def _fill(folder: Path, files: list[Path], need: int, content: Manifest) -> None:
    """Install the wheels, try the engines, and say so."""
    streams.show(
        f"Installing {len(files)} wheels into {one_line(shown(folder))} with Python "
        f"{platform.python_version()}..."
    )
    environment.install(folder, files, need)
    for line in environment.check_engines(folder, content):
        streams.show(one_line(line))


def _say_next(bundle: Path, folder: Path, *, default: bool) -> None:
    python = "python3" if default else shlex.quote(shown(Path(environment.python_of(folder))))
    start = f"  {python} {shlex.quote(shown(bundle / RUNTIME_FILE))}"
    for line in ("Next:", f"{start} doctor", start, f"{start} classify IMAGE"):
        streams.show(one_line(line))
