"""``cifarq-export explain``: explain what a path names, as a table."""

from collections.abc import Iterable
from pathlib import Path

from cifarq_export.explain import Explanation, Operator, explain, explain_file
from edge_runtime.bundle import golden, integrity
from edge_runtime.bundle.location import NotAnArtifactError, artifacts_at
from edge_runtime.errors import BundleError
from edge_runtime.printable import one_line
from edge_runtime.report.grid import Grid

_HEADINGS = ("operator", "count", "runs in", "weights %", "MACs %", "time %", "why not INT8")


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
        if explanation := explain_file(path, input_shape):
            return {path.name: explanation}
        raise BundleError(
            f"{error.what} A file that may run code is opened only after its SHA-256 matched a "
            "manifest.",
            f"{error.remedy} Or give an .onnx file.",
        ) from error
    pack = golden.of_bundle(bundle, content)
    image = content.preprocessing.apply(pack.images[:1])
    return {
        a.file: explain(integrity.read(bundle, a), a.file, a.format, image, precision=a.precision)
        for a in artifacts
    }


def text(name: str, explanation: Explanation | None, *, layers: bool = False) -> str:
    """Return the explanation of one artifact as a table."""
    name = one_line(name)
    if explanation is None:
        return f"{name}: what of it is INT8 is unknown; explain does not support this format."
    weights = sum(o.weights for o in explanation.operators)
    macs = sum(o.macs for o in explanation.operators)
    total_ns = sum(o.time_ns or 0 for o in explanation.operators)
    listed = [o for o in explanation.operators if o.works or o.time_ns]
    moves = not all(operator.works for operator in listed)
    rows = []
    for group in [[o] for o in listed] if layers else _group(listed):
        first = group[0]
        rows.append(
            [
                f"{first.layer} ({first.kind})" if layers else first.kind,
                str(len(group)),
                _runs_in(first),
                _percent(sum(o.weights for o in group), weights),
                _percent(sum(o.macs for o in group), macs),
                _percent(sum(o.time_ns or 0 for o in group), total_ns),
                first.why,
            ]
        )
    return "\n".join(
        [
            f"{name}: INT8 holds {100 * explanation.weight_share:.1f} % of the bytes (counted as "
            f"the FP32 model's) and {100 * explanation.mac_share:.1f} % of {macs / 1e6:,.1f} M "
            "multiply-accumulates.",
            "",
            *Grid(_HEADINGS, rows, 1, remarks=True).text(),
            "",
            *(["Runs in –: only moves or converts values.", ""] if moves else []),
            "Quantize and dequantize nodes left between integer operators: "
            f"{explanation.quantize_nodes_between}.",
        ]
    )


def _group(operators: Iterable[Operator]) -> list[list[Operator]]:
    groups: dict[tuple[str, str, str], list[Operator]] = {}
    for operator in operators:
        key = (operator.kind, _runs_in(operator), operator.why)
        groups.setdefault(key, []).append(operator)
    return list(groups.values())


def _runs_in(operator: Operator) -> str:
    if not operator.works:
        return "–"
    return "INT8" if operator.int8 else "FP32"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else "–"
