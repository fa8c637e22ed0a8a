"""``cifarq-export explain``: opens what a path names, and says it in a table."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from cifarq_export.explain import Explanation, Operator, explain
from cifarq_export.int8 import onnx_graph
from cifarq_export.text_table import aligned
from edge_runtime.bundle import golden, integrity
from edge_runtime.bundle.location import NotAnArtifactError, artifacts_at
from edge_runtime.errors import BundleError, ExportError


def explain_path(
    path: Path, input_shape: tuple[int, int, int] | None = None
) -> dict[str, Explanation | None]:
    """Explain a bundle's artifacts, one of them, or a bare ONNX file; by file name.

    Args:
        path: what is explained.
        input_shape: (C, H, W), for an ONNX file that leaves its size open.

    Returns:
        By file name; None for a format that no file of ``explain/`` knows.

    Raises:
        BundleError: it is no bundle, or a file outside one that may run code.
        ExportError: it is no valid ONNX model, or leaves the size of its input open.
    """
    try:
        bundle, content, artifacts = artifacts_at(path)
    except NotAnArtifactError as error:
        if path.suffix == ".onnx":
            return {path.name: explain(path, "onnx", _any_image(path, input_shape))}
        raise BundleError(
            f"{error.what} A file that may run code is opened only after its SHA-256 matched a "
            "manifest.",
            f"{error.remedy} Or give an .onnx file.",
        ) from error
    pack = golden.of_bundle(bundle, content)
    image = content.preprocessing.apply(pack.images[:1])
    return {
        a.file: explain(integrity.verify(bundle, a), a.format, image, precision=a.precision)
        for a in artifacts
    }


def text(name: str, explanation: Explanation | None, *, layers: bool = False) -> str:
    """Return the explanation of one artifact as a table."""
    if explanation is None:
        return f"{name}: unknown; cifarq-export cannot look into this format."
    whole = sum(o.weights for o in explanation.operators)
    macs = sum(o.macs for o in explanation.operators)
    named = [o for o in explanation.operators if o.weights or o.macs or o.why or o.int8]
    groups = [[o] for o in named] if layers else _grouped(named)
    rows = [["operator", "count", "runs in", "weights %", "MACs %", "time %", "why not INT8"]]
    total_ns = sum(o.time_ns or 0 for o in explanation.operators)
    for group in groups:
        first = group[0]
        label = f"{first.layer} ({first.kind})" if layers else first.kind
        rows.append(
            [
                label,
                str(len(group)),
                "INT8" if first.int8 else "FP32",
                _percent(sum(o.weights for o in group), whole),
                _percent(sum(o.macs for o in group), macs),
                _percent(sum(o.time_ns or 0 for o in group), total_ns),
            ]
        )
    lines = aligned(rows)
    reasons = ["", *(group[0].why for group in groups)]
    lines = [
        f"{line.ljust(max(map(len, lines)))}  {why}".rstrip() if i else line
        for i, (line, why) in enumerate(zip(lines, reasons, strict=True))
    ]
    between = explanation.quantize_nodes_between
    return "\n".join(
        [
            f"{name}: INT8 holds {100 * explanation.weight_share:.1f} % of the bytes (counted as "
            f"the FP32 model's) and {100 * explanation.mac_share:.1f} % of {macs / 1e6:,.1f} M "
            "multiply-accumulates.",
            "",
            *lines,
            "",
            f"Quantize and dequantize nodes left between integer operators: {between}.",
        ]
    )


def _grouped(operators: Iterable[Operator]) -> list[list[Operator]]:
    groups: dict[tuple[str, bool, str], list[Operator]] = {}
    for operator in operators:
        groups.setdefault((operator.kind, operator.int8, operator.why), []).append(operator)
    return list(groups.values())


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else "–"


def _any_image(path: Path, input_shape: tuple[int, int, int] | None) -> NDArray[Any]:
    """Return zeros of the shape and type that an ONNX file's input has."""
    try:
        graph = onnx_graph.prepared(onnx.load(path)).graph
        entry = graph.input[0].type.tensor_type
        dtype = onnx.helper.tensor_dtype_to_np_dtype(entry.elem_type)
    except Exception as error:  # protobuf raises its own kinds
        raise ExportError(f"{path} is not a valid ONNX model: {error!r:.200}") from error
    batch, *dims = onnx_graph.input_sizes(graph.input[0])
    if input_shape is not None and len(dims) == len(input_shape):
        dims = [known or given for known, given in zip(dims, input_shape, strict=True)]
    if 0 in dims:
        raise ExportError(
            f"{path} leaves the size of its input open. Give it with --input-shape, as in "
            "--input-shape 3,224,224."
        )
    return np.zeros((batch or 1, *dims), dtype)
