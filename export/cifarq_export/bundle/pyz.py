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
from edge_runtime.bundle.manifest import SETUP_FILE
from edge_runtime.files import write_bytes

_KINDS = ("*.py", "*.css", "*.js")
"""What a package is made of: programs, and what the report's page is."""

_MAIN = "pyz_main.py"
"""The file beside this one that becomes the archive's ``__main__.py``."""


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
    yield "__main__.py", Path(__file__).with_name(_MAIN).read_bytes()
    for package in (edge_runtime, click):
        root = Path(str(package.__file__)).parent
        for file in (path for kind in _KINDS for path in root.rglob(kind)):
            yield f"{package.__name__}/{file.relative_to(root).as_posix()}", file.read_bytes()
    for entry in importlib.metadata.files("click") or []:
        if entry.name.upper().startswith("LICENSE"):
            yield (
                "click/LICENSE.txt",
                Path(str(entry.locate())).read_bytes(),
            )  # its licence asks for this
