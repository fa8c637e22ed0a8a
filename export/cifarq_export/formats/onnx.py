"""ONNX: one file with its weights inside, a dynamic batch, and no trace of this machine.

PyTorch's quantized modules cannot be exported: FP32 is written, and ONNX Runtime quantizes that.
"""

import contextlib
import io
import logging
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

from cifarq_export.formats import INPUT_NAME, OUTPUT_NAME, Source, Written
from edge_runtime.errors import ExportError
from edge_runtime.files import write_bytes

ENGINE = "onnxruntime"
SUFFIX = ".onnx"
PRECISIONS = ("fp32", "int8-dynamic", "int8-dynamic-conv")
OPSET = 18

_QUANTIZED_OPS = {
    "int8-dynamic": ["MatMul", "Gemm"],
    "int8-dynamic-conv": ["MatMul", "Gemm", "Conv"],
}
_INTEGER_OPS = ("MatMulInteger", "ConvInteger")


def write(source: Source, precision: str, path: Path, scratch: Path) -> Written:
    """Write an ONNX file."""
    fp32 = scratch / "fp32.onnx"
    if not fp32.exists():
        write_bytes(fp32, _clean(_exported(source)).SerializeToString(deterministic=True))
    if precision == "fp32":
        model = onnx.load(fp32)
    else:
        model = _clean(_dynamic_int8(fp32, scratch / f"{precision}.onnx", precision))
    write_bytes(path, model.SerializeToString(deterministic=True))
    return Written(
        _quantized(model),
        opset=next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx")),
        ir_version=model.ir_version,
    )


def _exported(source: Source) -> Any:
    # A batch of 2: with 1 the exporter takes the batch for a constant (pytorch#157621).
    example = torch.zeros(2, *source.input_shape)
    with _silence():
        try:
            program = torch.onnx.export(
                source.model,
                (example,),
                dynamo=True,
                external_data=False,
                opset_version=OPSET,
                input_names=[INPUT_NAME],
                output_names=[OUTPUT_NAME],
                dynamic_shapes=({0: torch.export.Dim("N")},),
                verbose=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            reason = str(error).strip().splitlines()[0]
            raise ExportError(f"PyTorch cannot export this model to ONNX: {reason}") from error
    assert program is not None
    return program.model_proto


def _dynamic_int8(fp32: Path, path: Path, precision: str) -> Any:
    with _silence():
        quantize_dynamic(
            fp32,
            path,
            op_types_to_quantize=_QUANTIZED_OPS[precision],
            weight_type=QuantType.QInt8,
            per_channel=False,
        )
    return onnx.load(path)


def _clean(model: Any) -> Any:
    """Remove what tells of this machine: metadata with stack traces, and doc strings."""
    for owner in _owners(model):
        owner.ClearField("metadata_props")
        owner.ClearField("doc_string")
    return model


def _owners(model: Any) -> Iterator[Any]:
    graph = model.graph
    yield model
    yield graph
    yield from (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer)
    yield from model.functions


def _quantized(model: Any) -> dict[str, Any]:
    """Return INT8 operators, counted, and the share of weights that is INT8; empty for FP32."""
    ops = Counter(n.op_type for n in model.graph.node if n.op_type in _INTEGER_OPS)
    if not ops:
        return {}
    sizes = {t.name: (t.data_type, int(np.prod(t.dims))) for t in model.graph.initializer}
    held = sum(n for kind, n in sizes.values() if kind in (onnx.TensorProto.INT8,) and n > 1)
    total = sum(n for _, n in sizes.values() if n > 1)
    return {"ops": dict(sorted(ops.items())), "weight_share": round(held / total, 4)}


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep the exporters' chatter off the screen; errors are raised, and come through."""
    root = logging.getLogger()
    level = root.level
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        root.setLevel(logging.ERROR)
        try:
            yield
        finally:
            root.setLevel(level)
