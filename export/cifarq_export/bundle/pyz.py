"""``edge-bench.pyz``: the device runtime and its one pure-Python dependency in a single file.

The device needs Python, numpy and an engine beside it; where wheels travel along, the script
``setup-device.sh`` installs them. Same sources, same bytes: members are sorted and have a fixed
date.
"""

import importlib.metadata
import importlib.resources
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import click

import edge_runtime
from edge_runtime.bundle.golden import zip_entry
from edge_runtime.bundle.manifest import FILE, SETUP_FILE
from edge_runtime.files import write_bytes
from edge_runtime.setup import environment

# The environment that setup-device.sh made beside the archive is used, but where another one is
# active that has what is needed. It may have a newer Python than the one that reads this, so that
# old ones have to understand it. A flipped bit in a module that is only imported later would be a
# traceback in the midst of a measurement: the archive's own hash is looked at first.
_MAIN = f"""\
import hashlib
import importlib.util
import json
import os
import signal
import sys

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback while modules are imported

archive = os.path.dirname(os.path.realpath(__file__))
bundle = os.path.dirname(archive)
venv = os.path.join(bundle, "{environment.FOLDER}")
python = os.path.join(venv, "bin", "python")


def installed(*names):
    return any(importlib.util.find_spec(name) for name in names)


def damaged():
    try:
        with open(os.path.join(bundle, "{FILE}"), "rb") as file:
            files = json.loads(file.read().decode("utf-8"))["files"]
        named = [one["sha256"] for one in files if one["file"] == os.path.basename(archive)]
        with open(archive, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest() not in named if named else False
    except Exception:
        return False  # a manifest that cannot be read is told later, in full


setting_up = sys.argv[1:2] == ["--setup"]  # as setup-device.sh does
if not setting_up and (
    (
        sys.prefix == getattr(sys, "base_prefix", sys.prefix)
        or not (installed("numpy") and installed("onnxruntime", "torch"))
    )
    and os.path.exists(os.path.join(venv, "{environment.READY}"))
    and os.access(python, os.X_OK)
    and sys.executable != python  # an environment that is broken must not start itself for ever
):
    os.execv(python, [python] + sys.argv)

if sys.version_info < (3, 11):
    sys.exit(
        "Error: edge-bench needs Python 3.11 or newer, and " + sys.executable + " is "
        + sys.version.split()[0] + ". Install a newer one, or name one: PYTHON=python3.12"
    )
if damaged():
    sys.exit(
        "Error: " + archive + " is damaged: it is not the one that {FILE} names. "
        "Copy the bundle again."
    )

if setting_up:
    del sys.argv[1]
    from edge_runtime.setup.script import main
else:
    from edge_runtime.cli import main

main()
"""


def write(path: Path) -> None:
    """Write the archive, executable."""
    buffer = io.BytesIO()
    buffer.write(b"#!/usr/bin/env python3\n")
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in sorted(_members()):
            archive.writestr(zip_entry(name), content, zipfile.ZIP_DEFLATED, 9)
    write_bytes(path, buffer.getvalue())
    path.chmod(0o755)


def write_setup(path: Path) -> None:
    """Write the script that sets a device up, executable."""
    script = importlib.resources.files("cifarq_export.bundle") / SETUP_FILE
    write_bytes(path, script.read_bytes())
    path.chmod(0o755)


def _members() -> Iterator[tuple[str, bytes]]:
    yield "__main__.py", _MAIN.encode()
    for package in (edge_runtime, click):
        root = Path(str(package.__file__)).parent
        for file in root.rglob("*.py"):
            yield f"{package.__name__}/{file.relative_to(root).as_posix()}", file.read_bytes()
    for entry in importlib.metadata.files("click") or []:
        if entry.name.upper().startswith("LICENSE"):
            yield (
                "click/LICENSE.txt",
                Path(str(entry.locate())).read_bytes(),
            )  # its licence asks for this
