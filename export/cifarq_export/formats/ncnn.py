"""ncnn's two files in one archive, made by pnnx of what the ONNX format writes in FP32."""

import io
import tempfile
import zipfile
from pathlib import Path

from cifarq_export.converters import pnnx
from cifarq_export.formats import INPUT_NAME, OUTPUT_NAME, Recipe, Written, require_numbers
from cifarq_export.formats import onnx as onnx_format
from cifarq_export.sources import Source
from edge_runtime.bundle.golden import zip_entry
from edge_runtime.engines import ncnn
from edge_runtime.files import write_bytes

ORDER = 4
ON_REQUEST = True
REQUIRES = "pnnx"
INSTALL = "pip install 'cifarq[ncnn]'"
SUFFIX = ".ncnn.zip"
PRECISIONS = ("fp32", "fp16")


def can_write(source: Source) -> bool:
    """Say whether a source can be written for ncnn: what can be written as ONNX."""
    return onnx_format.can_write(source)


def write(source: Source, precision: str, path: Path, recipe: Recipe) -> Written:
    """Write an archive of ncnn's files."""
    require_numbers("ncnn", recipe)
    fp16 = precision == "fp16"
    with tempfile.TemporaryDirectory(dir=recipe.scratch) as folder:
        model = Path(folder) / "model.onnx"
        model.write_bytes(onnx_format.fp32(source, recipe).read_bytes())
        param, weights = pnnx.convert(model, (1, *source.input_shape), fp16=fp16)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zip_entry(ncnn.PARAM), param)
        archive.writestr(zip_entry(ncnn.WEIGHTS), weights)
    write_bytes(path, buffer.getvalue())
    return Written(INPUT_NAME, OUTPUT_NAME)
