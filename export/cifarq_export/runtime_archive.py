"""``edge-bench.pyz``: the device runtime and its one pure-Python dependency in a single file.

The device needs Python, numpy and an engine beside it. Same sources, same bytes: members are sorted
and have a fixed date.
"""

import importlib.metadata
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import click

import edge_runtime
from edge_runtime.files import write_bytes
from edge_runtime.golden import zip_entry

_MAIN = """\
import sys

if sys.version_info < (3, 11):
    sys.exit("Error: edge-bench needs Python 3.11 or newer; this is " + sys.version.split()[0])

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
