"""A program of torch.export, PyTorch's successor of TorchScript: FP32, a dynamic batch.

Written without the paths and stack traces of the machine that exported it.
"""

import io
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cifarq_export.formats import INPUT_NAME, OUTPUT_NAME, Recipe, Written
from cifarq_export.formats.torchscript import normalised
from cifarq_export.sources import Source
from edge_runtime.errors import ExportError, reason
from edge_runtime.files import write_bytes

ORDER = 2
ON_REQUEST = True
SUFFIX = ".pt2"
PRECISIONS = ("fp32",)


def can_write(source: Source) -> bool:
    """Say whether a source can be written as an exported program: a PyTorch module can."""
    return source.module is not None


def write(source: Source, precision: str, path: Path, recipe: Recipe) -> Written:
    """Write an exported program."""
    assert source.module is not None
    model, dtype = normalised(source.module, recipe.how)
    program = _export(model, torch.zeros(2, *source.input_shape, dtype=dtype))
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    program.example_inputs = None
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    write_bytes(path, buffer.getvalue())
    return Written(INPUT_NAME, OUTPUT_NAME)


def _export(model: nn.Module, example: torch.Tensor) -> Any:
    batch = ({0: torch.export.Dim("N")},)
    try:
        with torch.no_grad():
            return torch.export.export(model, (example,), dynamic_shapes=batch)
    except Exception as error:  # torch.export raises several kinds of its own
        raise ExportError(f"torch.export cannot export this model: {reason(error)}") from error
