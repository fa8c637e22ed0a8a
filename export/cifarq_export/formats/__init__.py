"""Formats, one a file: adding a file here adds a format, named like the file.

A file defines::

    ENGINE: str                          what runs its artifacts: a name in edge_runtime.engines
    SUFFIX: str                          how its files end
    PRECISIONS: tuple[str, ...]          what it can write; the first is fp32
    write(source, precision, path, scratch) -> Written
"""

import importlib
import pkgutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from edge_runtime.manifest import TensorSpec

if TYPE_CHECKING:
    from torch import nn

INPUT_NAME = "input"
OUTPUT_NAME = "logits"


@dataclass(frozen=True)
class Source:
    """What is exported: an FP32 PyTorch model in eval mode, and the shape of what it takes.

    Attributes:
        model: maps (N, C, H, W) float32 to (N, classes) logits; on the CPU.
        input_shape: (C, H, W).
        classes: number of logits.
    """

    model: "nn.Module"
    input_shape: tuple[int, int, int]
    classes: int

    @property
    def input(self) -> TensorSpec:
        """The input's specification."""
        return TensorSpec(INPUT_NAME, ("N", *self.input_shape), "float32")

    @property
    def output(self) -> TensorSpec:
        """The first output's specification."""
        return TensorSpec(OUTPUT_NAME, ("N", self.classes), "float32")


@dataclass(frozen=True)
class Written:
    """What a format knows of a file that it wrote.

    Attributes:
        quantized: ``ops``: INT8 operators, counted by type; ``weight_share``: the share of the
            model's weights that they hold, 0-1.
        opset, ir_version: of an ONNX file.
    """

    quantized: dict[str, Any] = field(default_factory=dict)
    opset: int | None = None
    ir_version: int | None = None


class Format(Protocol):
    """What a file in this folder defines."""

    ENGINE: str
    SUFFIX: str
    PRECISIONS: tuple[str, ...]

    def write(self, source: Source, precision: str, path: Path, scratch: Path) -> Written:
        """Write one artifact.

        Args:
            source: what to export.
            precision: one of ``PRECISIONS``.
            path: the file to write.
            scratch: a folder for files in between, shared by all artifacts of one export.

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
