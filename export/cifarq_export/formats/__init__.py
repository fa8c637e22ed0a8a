"""Formats, one a file: adding a file here adds a format, named like the file.

A file defines::

    ORDER: int                           its place in lists: smaller first, then by name
    SUFFIX: str                          how its files end
    PRECISIONS: tuple[str, ...]          what it can write; the first is fp32
    can_write(source) -> bool            whether a source can be written in it
    write(source, precision, path, recipe) -> Written
    ON_REQUEST: bool                     optional: whether it is written only if it is named
    REQUIRES: str                        optional: the module without which it cannot be written,
    INSTALL: str                         and what installs that
    FOR_ANY_CPU: bool                    optional: whether one static INT8 file is for every CPU
    reference(path) -> Predict           optional: opens an artifact in the arithmetic that the
                                         format defines, which is the same on every CPU
    static(source, recipe) -> Static     optional: what static INT8 is made from, with the layers
                                         that ``Recipe.keep_fp32`` may name

Nothing outside this folder knows a format's name. What runs its files are the engines in
``edge_runtime/engines`` that read the format; ``explain/`` may have a file of the same name that
says what of an artifact is INT8.

executorch.py    programs of ExecuTorch, for XNNPACK
litert.py        TFLite files, images channels last
mnn.py           MNN's own, by its converters
ncnn.py          ncnn's own, by pnnx
onnx.py          weights inside, a dynamic batch, every precision
pt2.py           exported by torch.export
torchscript.py   traced and frozen by PyTorch
"""

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from cifarq_export.int8.calibrate import Calibration
from cifarq_export.int8.static import Static
from cifarq_export.sources import Source
from edge_runtime import engines
from edge_runtime.bundle.manifest import CalibrationRecord
from edge_runtime.bundle.preprocess import NormalisedBy, Preprocessing
from edge_runtime.errors import ExportError
from edge_runtime.measure.accuracy import Predict
from edge_runtime.probes import target as targets

INPUT_NAME = "input"
OUTPUT_NAME = "logits"
STATIC = "int8-static"
"""The precision that is calibrated on images and made for one CPU class."""


@dataclass(frozen=True)
class Recipe:
    """How the artifacts of one export are to be.

    Attributes:
        how: what they are given; who normalises.
        target: the CPU class that static INT8 is made for.
        scratch: a folder for files in between, shared by all artifacts.
        calibration: what static INT8 finds its ranges from.
        correct_biases: whether static INT8 makes good what the rounding of weights takes away.
        keep_fp32: layers that static INT8 leaves in FP32 for their accuracy.
        faster_fp32: nodes that static INT8 leaves in FP32 because they are faster so.
        progress: told how many images were calibrated on since the last call.
    """

    how: Preprocessing
    target: str
    scratch: Path
    calibration: Calibration | None = None
    correct_biases: bool = False
    keep_fp32: tuple[str, ...] = ()
    faster_fp32: tuple[str, ...] = ()
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
    calibration: CalibrationRecord | None = None
    opset: int | None = None
    ir_version: int | None = None


class Format(Protocol):
    """What a file in this folder defines."""

    ORDER: int
    SUFFIX: str
    PRECISIONS: tuple[str, ...]

    def can_write(self, source: Source) -> bool:
        """Say whether a source can be written in this format."""

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
    """Return the names of all formats, in the order in which they are listed."""
    modules = {module.name for module in pkgutil.iter_modules(__path__)}
    return sorted(modules, key=lambda name: (get(name).ORDER, name))


def get(name: str) -> Format:
    """Return a format by name, which has to be one of ``names``."""
    return cast(Format, importlib.import_module(f"cifarq_export.formats.{name}"))


def is_on_request(name: str) -> bool:
    """Say whether a format is written only if it is named."""
    return bool(getattr(get(name), "ON_REQUEST", False))


def missing(name: str) -> str:
    """Return what installs the writer of a format that is not here; '' where it is."""
    module: str = getattr(get(name), "REQUIRES", "")
    if not module or importlib.util.find_spec(module) is not None:
        return ""
    return str(get(name).INSTALL)  # type: ignore[attr-defined]


def require(name: str) -> None:
    """Refuse a format whose writer is not installed.

    Raises:
        ExportError: it is not.
    """
    if install := missing(name):
        raise ExportError(f"what writes {name} is not installed:", install)


def require_numbers(engine: str, recipe: Recipe) -> None:
    """Refuse artifacts that take raw bytes, for an engine whose files take numbers alone.

    Raises:
        ExportError: the recipe asks for such ones.
    """
    if recipe.how.normalised_by is NormalisedBy.ARTIFACT:
        raise ExportError(f"{engine} takes numbers, not bytes.", "Leave out --input or --format.")


def has_reference(name: str) -> bool:
    """Say whether a format's artifacts can be opened in arithmetic that no CPU changes."""
    return hasattr(get(name), "reference")


def made_for(name: str, precision: str, target: str) -> str:
    """Return the CPU class that a format's artifacts are made for, where ``target`` was asked for.

    Args:
        name: the format's.
        precision: the artifact's.
        target: a name in ``edge_runtime.probes.target``.
    """
    for_any = precision != STATIC or getattr(get(name), "FOR_ANY_CPU", False)
    return targets.ANY if for_any else target


def reference(name: str, path: Path) -> Predict:
    """Open an artifact in the arithmetic that its format defines, the same on every CPU.

    Raises:
        EngineError: the engine that computes it refuses the file.
    """
    opened: Predict = get(name).reference(path)  # type: ignore[attr-defined]
    return opened


def static(name: str, source: Source, recipe: Recipe) -> Static | None:
    """Return what a format's static INT8 is made from; None where it does not say."""
    find: Callable[[Source, Recipe], Static] | None = getattr(get(name), "static", None)
    return find(source, recipe) if find else None


def for_source(source: Source) -> list[str]:
    """Return the names of the formats that a source can be written in."""
    return [name for name in names() if get(name).can_write(source)]


def engine_of(name: str) -> str:
    """Return the engine that checks a format's artifacts: the first that reads it and is installed.

    Raises:
        ExportError: no engine reads the format.
    """
    readers = engines.reading(name)
    if not readers:
        raise ExportError(f"no engine reads the format {name}.", "Choose another --format.")
    return next(filter(engines.is_installed, readers), readers[0])
