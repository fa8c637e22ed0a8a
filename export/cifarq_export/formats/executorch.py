"""Programs of ExecuTorch, for XNNPACK: FP32, and static INT8 by its own quantizer.

Static INT8 is ExecuTorch's own: it finds the ranges itself, on our calibration images.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cifarq_export.formats import INPUT_NAME, OUTPUT_NAME, STATIC, Recipe, Written
from cifarq_export.formats.torchscript import normalised
from cifarq_export.sources import Source
from edge_runtime.bundle.manifest import CalibrationRecord
from edge_runtime.errors import ExportError, reason
from edge_runtime.files import write_bytes

ORDER = 6
FOR_ANY_CPU = True
ON_REQUEST = True
REQUIRES = "executorch"
INSTALL = "pip install 'cifarq[executorch]'"
SUFFIX = ".pte"
PRECISIONS = ("fp32", STATIC)

_MOST_IMAGES = 256
"""A program holds memory for its largest batch, and ExecuTorch 1.5.1 makes that less than asked:
the seed CNN's takes 5 images and refuses 63."""
_CALIBRATION_BATCH = 32


def can_write(source: Source) -> bool:
    """Say whether a source can be written for ExecuTorch: a PyTorch module can."""
    return source.module is not None


def write(source: Source, precision: str, path: Path, recipe: Recipe) -> Written:
    """Write a program of ExecuTorch."""
    assert source.module is not None
    model, dtype = normalised(source.module, recipe.how)
    example = torch.zeros(2, *source.input_shape, dtype=dtype)
    calibration = None
    try:
        with _silence():
            if precision == STATIC:
                model, calibration = _quantize(model, example, recipe)
            content = _lower(model, example)
    except Exception as error:  # its passes raise whatever goes wrong in them
        raise ExportError(f"ExecuTorch cannot export this model: {reason(error)}") from error
    write_bytes(path, content)
    return Written(INPUT_NAME, OUTPUT_NAME, calibration)


def _export(model: nn.Module, example: torch.Tensor) -> Any:
    batch = ({0: torch.export.Dim("N", max=_MOST_IMAGES)},)
    return torch.export.export(model, (example,), dynamic_shapes=batch)


def _quantize(
    model: nn.Module, example: torch.Tensor, recipe: Recipe
) -> tuple[nn.Module, CalibrationRecord]:
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    assert recipe.calibration is not None
    quantizer = XNNPACKQuantizer()
    quantizer.set_global(get_symmetric_quantization_config(is_per_channel=True))
    watched = prepare_pt2e(_export(model, example).module(), quantizer)
    images = recipe.calibration.images.images
    with torch.no_grad():
        for start in range(0, len(images), _CALIBRATION_BATCH):
            batch = recipe.how.apply(images[start : start + _CALIBRATION_BATCH])
            watched(torch.from_numpy(batch))
            recipe.progress(len(batch))
    return convert_pt2e(watched), replace(recipe.calibration.record(), method="minmax")


def _lower(model: nn.Module, example: torch.Tensor) -> bytes:
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    with torch.no_grad():
        program = _export(model, example)
        edge = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
        return bytes(edge.to_executorch().buffer)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Silence what the exporter warns of and prints; errors are raised all the same."""
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
