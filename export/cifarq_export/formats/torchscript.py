"""TorchScript: traced, frozen, and written without the paths of the machine that traced it.

``torch.jit`` works and says it will go (pytorch#177239); it stays the one PyTorch format that runs
a dynamically quantized model without its Python code.
"""

import io
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cifarq import quantize
from cifarq_export.formats import Recipe, Written
from cifarq_export.sources import Source
from edge_runtime.bundle.golden import zip_entry
from edge_runtime.bundle.preprocess import NormalisedBy, Preprocessing
from edge_runtime.errors import ExportError, reason
from edge_runtime.files import write_bytes

ORDER = 0  # first: its FP32 is what the others are compared with
SUFFIX = ".torchscript.pt"
PRECISIONS = ("fp32", "int8-dynamic")

_ALIGNMENT = 64  # bytes; PyTorch aligns tensors so that they can be mapped
_PADDING_FIELD = b"FB"  # the zip extra field that PyTorch pads with
_SERIALIZATION_ID = b"0" * 40  # PyTorch draws a random one for its telemetry


class _Normalised(nn.Module):
    """A model that takes raw bytes (N, C, H, W) uint8 and normalises them itself."""

    def __init__(self, model: nn.Module, how: Preprocessing) -> None:
        super().__init__()
        self.model = model
        factor, offset = how.factor_and_offset()
        self.factor = nn.Buffer(torch.from_numpy(factor))
        self.offset = nn.Buffer(torch.from_numpy(offset))

    def forward(self, images: torch.Tensor) -> Any:
        return self.model(images.float() * self.factor + self.offset)


def can_write(source: Source) -> bool:
    """Say whether a source can be written as TorchScript: a PyTorch module can."""
    return source.module is not None


def write(source: Source, precision: str, path: Path, recipe: Recipe) -> Written:
    """Write a TorchScript file."""
    assert source.module is not None
    model: nn.Module = source.module
    if precision == "int8-dynamic":
        model = quantize.dynamic_int8(model)
    model, dtype = normalised(model, recipe.how)
    example = torch.zeros(2, *source.input_shape, dtype=dtype)
    write_bytes(path, _strip(_trace(model, example)))
    return Written()


def normalised(model: nn.Module, how: Preprocessing) -> tuple[nn.Module, torch.dtype]:
    """Return a model that normalises by itself where the artifact is to, and what it takes."""
    if how.normalised_by is NormalisedBy.ARTIFACT:
        return _Normalised(model, how).eval(), torch.uint8
    return model, torch.float32


def _trace(model: nn.Module, example: torch.Tensor) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), quantize.quiet(), torch.no_grad():
        warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", FutureWarning)
        try:
            module = torch.jit.freeze(torch.jit.trace(model, example))
            torch.jit.save(module, buffer)
        except RuntimeError as error:
            raise ExportError(f"PyTorch cannot trace this model: {reason(error)}") from error
    return buffer.getvalue()


def _strip(content: bytes) -> bytes:
    """Return the archive without debug records, which hold this machine's paths.

    Members keep their order and PyTorch's alignment; dates and the serialization id are fixed.
    """
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as original,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as stripped,
    ):
        for name in original.namelist():
            if name.endswith(".debug_pkl"):
                continue
            fixed = name.endswith("/.data/serialization_id")
            entry = zip_entry("archive/" + name.partition("/")[2])
            data_starts = buffer.tell() + 30 + len(entry.filename.encode())
            padding = -(data_starts + 4) % _ALIGNMENT
            entry.extra = _PADDING_FIELD + padding.to_bytes(2, "little") + b"Z" * padding
            stripped.writestr(entry, _SERIALIZATION_ID if fixed else original.read(name))
    return buffer.getvalue()
