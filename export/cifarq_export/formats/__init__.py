"""Formats, one a file: adding a file here adds a format, named like the file.

A file defines::

    ENGINE: str                          what runs its artifacts: a name in edge_runtime.engines
    SUFFIX: str                          how its files end
    PRECISIONS: tuple[str, ...]          what it can write; the first is fp32
    write(source, precision, path, recipe) -> Written
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from cifarq_export.int8.calibrate import Calibration
from cifarq_export.sources import Source
from edge_runtime.bundle.preprocess import Preprocessing

INPUT_NAME = "input"
OUTPUT_NAME = "logits"


@dataclass(frozen=True)
class Recipe:
    """How the artifacts of one export are to be.

    Attributes:
        how: what they are given; who normalises.
        target: the CPU class that static INT8 is made for.
        scratch: a folder for files in between, shared by all artifacts.
        calibration: what static INT8 finds its ranges from.
        keep_fp32: nodes of the folded graph that static INT8 leaves in FP32.
        progress: told how many images were calibrated on since the last call.
    """

    how: Preprocessing
    target: str
    scratch: Path
    calibration: Calibration | None = None
    keep_fp32: tuple[str, ...] = ()
    progress: Callable[[int], object] = lambda images: None


@dataclass(frozen=True)
class Written:
    """What a format knows of a file that it wrote.

    Attributes:
        input, output: the names of what goes in and comes out first.
        calibration: of a static model: method and images.
        opset, ir_version: of an ONNX file.
    """

    input: str = INPUT_NAME
    output: str = OUTPUT_NAME
    calibration: dict[str, Any] | None = None
    opset: int | None = None
    ir_version: int | None = None


class Format(Protocol):
    """What a file in this folder defines."""

    ENGINE: str
    SUFFIX: str
    PRECISIONS: tuple[str, ...]

    def write(self, source: Source, precision: str, path: Path, recipe: Recipe) -> Written:
        """Write one artifact.

        Args:
            source: what to export.
            precision: one of ``PRECISIONS``.
            path: the file to write.
            recipe: how it is to be.

        Raises:
            ExportError: the model cannot be written in this format.
        """


def names() -> list[str]:
    """Return the names of all formats; TorchScript, the reference of ratios, comes first."""
    found = {module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])}
    return sorted(found, key=lambda name: (name != "torchscript", name))


def get(name: str) -> Format:
    """Return a format by name, which has to be one of ``names``."""
    return cast(Format, importlib.import_module(f"cifarq_export.formats.{name}"))
