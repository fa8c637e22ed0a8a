"""Opens an ONNX file in a process of its own first: one may loop for ever, or end who opens it.

The libraries that read and run it are C++, and a file of some bytes can ask them for a loop of 2^62
rounds or for terabytes. What ended in time here does so in the exporting process, too.
"""

import contextlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from cifarq_export.sources import onnx_file
from edge_runtime.documents import strict
from edge_runtime.errors import ExportError, ToolkitError
from edge_runtime.measure import child
from edge_runtime.measure.child import End, Failure

_TIMEOUT_S = 120
_TIMEOUT_S_PER_MB = 1
"""Generous: what takes longer has no end, or none that somebody would wait for a thousand times."""


@dataclass(frozen=True)
class _Request:
    """The arguments of ``onnx_file.open_model``."""

    file: str
    classes: int
    input_shape: tuple[int, ...] | None
    output: str | None


@dataclass(frozen=True)
class _Answer:
    """It ended: opened, or refused for a reason that whoever opens it next is told, too."""

    ended: bool


def require_end(
    path: Path, classes: int, input_shape: tuple[int, int, int] | None, output: str | None
) -> None:
    """Check that opening a model comes to an end.

    Args:
        path: the file.
        classes: how many there are.
        input_shape: (C, H, W), for a file that leaves height and width open.
        output: the name of its output, if it has several.

    Raises:
        ExportError: it takes too long, or the process that opens it dies.
    """
    size_mb = path.stat().st_size / 2**20 if path.is_file() else 0
    answer = child.ask(
        child.command("cifarq_export.sources.onnx_trial"),
        _Request(str(path), classes, input_shape, output),
        _Answer,
        timeout_s=round(_TIMEOUT_S + _TIMEOUT_S_PER_MB * size_mb),
    )
    if not isinstance(answer, Failure):
        return
    if answer.end is End.TIMEOUT:
        raise ExportError(f"--from {path}: running it once gave {answer.what}.")
    raise ExportError(
        f"--from {path} ends the process that opens it: {answer.what}.", answer.remedy
    )


def main() -> None:
    """Answer the request of ``require_end``."""
    with child.answers() as out:
        request = strict.build(_Request, json.load(sys.stdin))
        shape = cast("tuple[int, int, int] | None", request.input_shape)
        with contextlib.suppress(ToolkitError):
            onnx_file.open_model(Path(request.file), request.classes, shape, request.output)
        child.answer(_Answer(True), out)
