"""MNN files, made by MNN's own converters of what the ONNX format writes in FP32.

Static INT8 is MNN's own: it finds the ranges itself, on our calibration images.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

from cifarq_export.converters import mnn
from cifarq_export.formats import INPUT_NAME, OUTPUT_NAME, STATIC, Recipe, Written, require_numbers
from cifarq_export.formats import onnx as onnx_format
from cifarq_export.int8 import onnx_graph
from cifarq_export.sources import Source
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
    require_numbers("MNN", recipe)
    calibration = None
    with tempfile.TemporaryDirectory(dir=recipe.scratch) as folder:
        model = Path(folder) / "model.onnx"
        # Folded: MNN's quantizer ends by SIGSEGV on a ReduceMean, not on the pool that it becomes.
        one = onnx_graph.fix_batch(onnx_format.static_base(source, recipe), 1)
        model.write_bytes(one.SerializeToString())
        content = mnn.convert(model, fp16=precision == "fp16")
        if precision == STATIC:
            assert recipe.calibration is not None
            content = mnn.quantize(model.parent, recipe.calibration.images.images, recipe.how)
            calibration = replace(recipe.calibration.record(), method="kl")
    write_bytes(path, content)
    return Written(INPUT_NAME, OUTPUT_NAME, calibration)
