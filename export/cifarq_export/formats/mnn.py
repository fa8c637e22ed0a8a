"""MNN files, made by MNN's own converters of what the ONNX format writes in FP32.

Static INT8 is MNN's own: it finds the ranges itself, on our calibration images.
"""

import tempfile
from pathlib import Path

from cifarq_export.converters import mnn
from cifarq_export.formats import INPUT_NAME, OUTPUT_NAME, STATIC, Recipe, Written
from cifarq_export.formats import onnx as onnx_format
from cifarq_export.int8 import onnx_graph
from cifarq_export.sources import Source
from edge_runtime.bundle.manifest import CalibrationRecord
from edge_runtime.bundle.preprocess import NormalisedBy
from edge_runtime.errors import ExportError
from edge_runtime.files import write_bytes

ORDER = 5
FOR_ANY_CPU = True
ON_REQUEST = True
REQUIRES = "MNN"
INSTALL = "pip install 'cifarq[mnn]'"
SUFFIX = ".mnn"
PRECISIONS = ("fp32", "fp16", STATIC)


def can_write(source: Source) -> bool:
    """Say whether a source can be written for MNN: what can be written as ONNX."""
    return onnx_format.can_write(source)


def write(source: Source, precision: str, path: Path, recipe: Recipe) -> Written:
    """Write an MNN file."""
    if recipe.how.normalised_by is NormalisedBy.ARTIFACT:
        raise ExportError("MNN takes numbers, not bytes.", "Leave out --input or --format.")
    calibration = None
    with tempfile.TemporaryDirectory(dir=recipe.scratch) as folder:
        model = Path(folder) / "model.onnx"
        # Folded: MNN's quantizer ends by SIGSEGV on a ReduceMean, not on the pool that it becomes.
        one = onnx_graph.fix_batch(onnx_format.static_base(source, recipe), 1)
        model.write_bytes(one.SerializeToString())
        content = mnn.convert(model, fp16=precision == "fp16")
        if precision == STATIC:
            assert recipe.calibration is not None
            images = recipe.calibration.images
            content = mnn.quantize(model.parent, images.images, recipe.how)
            calibration = CalibrationRecord("kl", len(images), *_draw(recipe))
    write_bytes(path, content)
    return Written(INPUT_NAME, OUTPUT_NAME, calibration)


def _draw(recipe: Recipe) -> tuple[str, int]:
    """Return the part of the data that calibration images are drawn from, and the seed."""
    assert recipe.calibration is not None
    record = recipe.calibration.record()
    return record.split, record.seed
