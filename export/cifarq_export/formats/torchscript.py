"""TorchScript: traced, frozen, and written without the paths of the machine that traced it.

``torch.jit`` works and says it will go (pytorch#177239); it stays the one PyTorch format that runs
a dynamically quantized model without its Python code.
"""

import io
import warnings
import zipfile
from pathlib import Path

import torch
from torch import nn

from cifarq import quantize
from cifarq_export.formats import Source, Written
from edge_runtime.errors import ExportError
from edge_runtime.files import write_bytes
from edge_runtime.golden import zip_entry

ENGINE = "torch"
SUFFIX = ".torchscript.pt"
PRECISIONS = ("fp32", "int8-dynamic")

_ALIGNMENT = 64  # bytes; PyTorch aligns tensors so that they can be mapped
_PADDING_FIELD = b"FB"  # the zip extra field that PyTorch pads with
_SERIALIZATION_ID = b"0" * 40  # PyTorch draws a random one for its telemetry


def write(source: Source, precision: str, path: Path, scratch: Path) -> Written:
    """Write a TorchScript file."""
    model = source.model
    quantized = {}
    if precision == "int8-dynamic":
        model = quantize.dynamic_int8(model)
        layers = quantize.dynamic_int8_layers(model)
        held = sum(weight.size for weight in layers.values())
        total = sum(p.numel() for p in source.model.parameters())
        quantized = {"ops": {"Linear": len(layers)}, "weight_share": round(held / total, 4)}
    write_bytes(path, _portable(_traced(model, source.input_shape)))
    return Written(quantized)


def _traced(model: nn.Module, input_shape: tuple[int, int, int]) -> bytes:
    example = torch.zeros(2, *input_shape)
    buffer = io.BytesIO()
    with warnings.catch_warnings(), quantize.quiet(), torch.no_grad():
        warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", FutureWarning)
        try:
            module = torch.jit.freeze(torch.jit.trace(model, example))
            torch.jit.save(module, buffer)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[0]
            raise ExportError(f"PyTorch cannot trace this model: {reason}") from error
    return buffer.getvalue()


def _portable(content: bytes) -> bytes:
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
