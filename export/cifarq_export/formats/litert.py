"""TFLite files for LiteRT: images as (N, H, W, C), weights inside, any batch.

Static INT8 is the QDQ graph of the ONNX format, with signed activations and weights of 8 bits: its
kernels do not saturate, and so one file is for every CPU.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from cifarq_export import tflite
from cifarq_export.formats import STATIC, Recipe, Written
from cifarq_export.formats import onnx as onnx_format
from cifarq_export.int8 import qdq
from cifarq_export.int8.static import Static
from cifarq_export.sources import Source
from cifarq_export.tflite.gelu import fuse_gelu
from edge_runtime.files import write_bytes
from edge_runtime.probes import target

ORDER = 3
FOR_ANY_CPU = True
ON_REQUEST = True
REQUIRES = "ai_edge_litert"
INSTALL = "pip install 'cifarq[litert]'"
SUFFIX = ".tflite"
PRECISIONS = ("fp32", STATIC)

KERNELS = qdq.Kernels((*qdq.OPERATORS, "HardSwish", "HardSigmoid"), rescale=False)
"""What LiteRT computes in INT8; a tensor of its has one scale."""


def can_write(source: Source) -> bool:
    """Say whether a source can be written as TFLite: what can be written as ONNX."""
    return onnx_format.can_write(source)


def write(source: Source, precision: str, path: Path, recipe: Recipe) -> Written:
    """Write a TFLite file."""
    if precision == STATIC:
        model = static(source, recipe).quantize(recipe.keep_fp32, recipe.faster_fp32)
    else:
        model = _base(source, recipe)
    write_bytes(path, tflite.write(model))
    graph = model.graph
    calibration = onnx_format.record(source, recipe) if precision == STATIC else None
    return Written(graph.input[0].name, graph.output[0].name, calibration)


def static(source: Source, recipe: Recipe) -> Static:
    """Return what static INT8 is made from; its layers are nodes of the folded graph."""
    signed = replace(recipe, target=target.ARM64)
    return onnx_format.static_of(_base(source, recipe), source, signed, KERNELS)


def _base(source: Source, recipe: Recipe) -> Any:
    return fuse_gelu(onnx_format.static_base(source, recipe))
