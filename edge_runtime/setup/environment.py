"""The virtual environment beside a bundle: made, filled from wheels alone, tried, or removed again.

It is built where it stays, since a virtual environment cannot be moved: a file in it says that it
is unfinished until another one says that it is ready. Like all of the setup this needs the standard
library alone.

Source: Debian splits ensurepip off ``python3``, so the environment is made without pip, which runs
out of its own wheel.
"""

import errno
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from edge_runtime.bundle.manifest import Manifest, Wheelhouse
from edge_runtime.errors import UsageError, reason
from edge_runtime.files import write_text
from edge_runtime.measure import child
from edge_runtime.setup import engine_import, wheels
from edge_runtime.setup.fit import SetupError, require_space, shown, too_full

FOLDER = ".venv"
READY = "edge-bench-ready"
"""The file that says that an environment is finished; edge-bench.pyz looks for it too."""

UNFINISHED = "edge-bench-unfinished"


def is_ready(folder: Path, house: Wheelhouse) -> bool:
    """Say whether an environment was made from just these wheels, and its Python still starts."""
    try:
        made_from = (folder / READY).read_text(encoding="utf-8")
        started = subprocess.run([python_of(folder), "-I", "-c", ""], capture_output=True)
    except (OSError, UnicodeDecodeError):
        return False
    return made_from == _fingerprint(house) and started.returncode == 0


@contextmanager
def building(folder: Path, need: int) -> Iterator[None]:
    """Make an empty environment; whatever stops the block removes it again.

    Raises:
        SetupError: it cannot be made.
        UsageError: the folder holds something else.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _clear(folder)
        require_space(folder, need)
        with _removed_on_failure(folder):
            (folder / UNFINISHED).touch()
            _make_environment(folder)
            yield
            (folder / UNFINISHED).unlink()
    except (OSError, ValueError) as error:
        raise _failure(folder, error, need) from error


@contextmanager
def _removed_on_failure(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(exist_ok=True)
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _clear(folder: Path) -> None:
    """Remove an environment that this script made and that will not do; nothing else.

    Raises:
        UsageError: the folder holds something else.
        OSError: it cannot be removed.
    """
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not any((folder / name).exists() for name in (READY, UNFINISHED)):
        raise UsageError(f"{shown(folder)} holds something else.", "Give another --venv DIR.")
    shutil.rmtree(folder)


def finish(folder: Path, house: Wheelhouse) -> None:
    """Say that an environment is finished, and of which wheels."""
    write_text(folder / READY, _fingerprint(house))


def _make_environment(folder: Path) -> None:
    try:
        import venv
    except ModuleNotFoundError as error:  # Debian's python3-minimal
        raise SetupError(
            f"{sys.executable} has no module venv.", "Install python3 in full."
        ) from error
    venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)


def install(folder: Path, files: list[Path], need: int) -> None:
    """Install wheels by the pip among them.

    Modules are left to be compiled when they are imported: pip would compile thousands, of which
    checking the engines imports, and thereby compiles, the few that are used.
    """
    pips = [file for file in files if wheels.parse(file.name).name == "pip"]
    if not pips:
        raise SetupError("the bundle brings no pip wheel.", "Export it again.")
    options = ("--no-index", "--no-deps", "--no-compile", "--no-cache-dir", "--quiet")
    start = [python_of(folder), "-I", str(pips[0] / "pip"), "install", *options, "--no-input"]
    done = subprocess.run(
        [*start, "--disable-pip-version-check", *map(str, files)],
        env=_without_pip_settings(os.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode == 0:
        return
    said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    if any("No space left on device" in line or "quota exceeded" in line for line in said):
        raise too_full(folder, need)
    errors = [line for line in said if line.startswith("ERROR")] or said
    why = errors[-1].removeprefix("ERROR: ") if errors else str(child.failure_of(done.returncode))
    raise SetupError(f"pip could not install the wheels: {why[:300]}")


def check_engines(folder: Path, content: Manifest) -> list[str]:
    """Import each engine in a process of its own, and return what is to be said of each.

    Raises:
        SetupError: none can be imported.
    """
    works, absent, broken = [], [], []
    for name in sorted({artifact.engine for artifact in content.artifacts}):
        tried = engine_import.attempt(name, python=python_of(folder))
        if tried.works:
            works.append(f"{name} {tried.version} can be imported.")
        elif tried.missing:
            absent.append(f"the bundle brings no {name}: its rows will say engine-missing.")
        else:
            broken.append(f"{name} cannot be imported here: {tried.problem}")
    if broken and not works:
        raise SetupError(broken[0], others=broken[1:])
    return [*works, *(f"Warning: {line}" for line in (*absent, *broken))]


def _failure(folder: Path, error: OSError | ValueError, need: int) -> SetupError:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return too_full(folder, need)
    return SetupError(
        f"cannot make {shown(folder)}: {reason(error)}.",
        "Give a folder that can be written to, on a disk that supports links (FAT does not): "
        "--venv DIR.",
    )


def _without_pip_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which no setting of the device's pip counts."""
    kept = {name: value for name, value in environment.items() if not name.startswith("PIP_")}
    return {**kept, "PIP_CONFIG_FILE": os.devnull}


def _fingerprint(house: Wheelhouse) -> str:
    hashes = "\n".join(sorted(record.sha256 for record in house.wheels))
    return hashlib.sha256(hashes.encode()).hexdigest() + "\n"


def python_of(folder: Path) -> str:
    """Return the command of an environment's Python."""
    return str(folder / "bin" / "python")
