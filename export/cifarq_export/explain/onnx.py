"""What ONNX Runtime makes of an ONNX file: the graph after its fusions, and one profiled call."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from cifarq_export.explain import Explanation, Operator
from cifarq_export.int8 import onnx_graph, qdq, runtime
from cifarq_export.int8.qdq import Kept
from edge_runtime import locks
from edge_runtime.errors import ExportError

_CALLS = 20

# Where the weight and the bias stand among an operator's inputs.
_WEIGHTED = {
    "Conv": (1, 2),
    "FusedConv": (1, 2),
    "ConvTranspose": (1, 2),
    "Gemm": (1, 2),
    "FusedGemm": (1, 2),
    "MatMul": (1, None),
    "FusedMatMul": (1, None),
    "QLinearConv": (3, 8),
    "QGemm": (3, 6),
    "QLinearMatMul": (3, None),
    "MatMulInteger": (1, None),
    "ConvInteger": (1, None),
    "MatMulIntegerToFloat": (1, 6),
    "DynamicQuantizeMatMul": (1, 4),
}
_CONVOLUTIONS = {"Conv", "FusedConv", "ConvTranspose", "QLinearConv", "ConvInteger"}
_INT8 = (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)
_NUMBERS = (onnx.TensorProto.FLOAT, onnx.TensorProto.INT32, *_INT8)  # biases are INT32
_SUFFIXES = ("_quantized", "_Transposed", ".weight")


def explain(content: bytes, name: str, image: NDArray[Any], precision: str) -> Explanation:
    """Explain an ONNX file from its bytes; see ``cifarq_export.explain.explain``."""
    with locks.scratch() as scratch:
        model = onnx_graph.prepare(onnx.load_from_string(content))
        graph, profile = _profile(model, name, image, scratch)
        between = (
            runtime.count_conversions(model, scratch)
            if onnx_graph.quantized_operators(graph)
            else 0
        )
    kept = qdq.kept_layers(model)
    return Explanation(tuple(_operators(graph, profile, precision, len(image), kept)), between)


def read_file(path: Path, input_shape: tuple[int, int, int] | None) -> tuple[bytes, NDArray[Any]]:
    """Return what a file holds, with weights that lie beside it, and zeros as its input takes them.

    Args:
        path: any ONNX file.
        input_shape: (C, H, W), for a file that leaves its size open.

    Raises:
        ExportError: it is not valid, or leaves the size of its input open.
    """
    try:
        model = onnx.load(path)
        content, graph = model.SerializeToString(), onnx_graph.prepare(model).graph
        entry = graph.input[0].type.tensor_type
        dtype = onnx.helper.tensor_dtype_to_np_dtype(entry.elem_type)
    except Exception as error:  # protobuf raises its own kinds
        raise ExportError(f"{path} is not a valid ONNX model: {error!r:.200}.") from error
    batch, *dims = onnx_graph.input_sizes(graph.input[0])
    if input_shape is not None and len(dims) == len(input_shape):
        dims = [known or given for known, given in zip(dims, input_shape, strict=True)]
    if 0 in dims:
        raise ExportError(
            f"{path} leaves the size of its input open.",
            "Give it with --input-shape, as in --input-shape 3,224,224.",
        )
    return content, np.zeros((batch or 1, *dims), dtype)


def _profile(
    model: Any, name: str, image: NDArray[Any], scratch: Path
) -> tuple[Any, dict[str, dict[str, Any]]]:
    """Return the fused graph, and for each node's name its inputs, outputs and time."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = runtime.EXTENDED
    options.optimized_model_filepath = str(scratch / "fused.onnx")
    options.enable_profiling = True
    options.profile_file_prefix = str(scratch / "profile")
    session = runtime.open_model(model, name, options)
    for _ in range(_CALLS):
        session.run(image)
    events = json.loads(Path(session.inner.end_profiling()).read_text())
    times: dict[str, list[int]] = defaultdict(list)
    kinds: dict[str, list[str]] = {}
    shapes: dict[str, dict[str, Any]] = {}
    for event in events:
        node = event["name"].removesuffix("_kernel_time")
        if event.get("cat") == "Node" and node != event["name"]:
            times[node].append(event["dur"] * 1000)
            shapes[node] = {
                side: [next(iter(entry.values())) for entry in event["args"][f"{side}_type_shape"]]
                for side in ("input", "output")
            }
            kinds[node] = [next(iter(entry)) for entry in event["args"]["output_type_shape"]]
    profile = {
        node: {"ns": int(np.median(taken)), "kinds": kinds[node], **shapes[node]}
        for node, taken in times.items()
    }
    return onnx.load(scratch / "fused.onnx").graph, profile


def _operators(
    graph: Any, profile: dict[str, Any], precision: str, images: int, kept: dict[str, Kept]
) -> list[Operator]:
    weights = {tensor.name: tensor for tensor in graph.initializer}
    int8_graph = bool(onnx_graph.quantized_operators(graph))
    makers = {output: node for node in graph.node for output in node.output}
    operators = []
    for node in graph.node:
        seen = profile.get(node.name, {})
        kind = node.op_type
        if kind in _WEIGHTED:
            why = _why_float_layer(node, precision, makers, kept) if int8_graph else _IS_FP32
            operators.append(_explain_weighted(node, weights, seen, why, images))
            continue
        sizes = [_size(weights, name) for name in node.input]
        # A single number is a scale or a slope, and conversions hold nothing else.
        held = sum(n for n in sizes if n > 1 and kind not in onnx_graph.CONVERSIONS)
        is_int8 = kind.startswith("QLinear")
        only_moves = kind in _FREE or _gives_no_float(seen)
        stays_float = int8_graph and not is_int8 and not only_moves
        why = _why_float(node.name, kind, precision) if stays_float else ""
        no_kernel = stays_float and _has_no_kernel(node.name, kind, precision)
        operators.append(
            Operator(
                *(node.name, kind, is_int8, held),
                why=why,
                no_kernel=no_kernel,
                time_ns=seen.get("ns"),
            )
        )
    return operators


def _explain_weighted(
    node: Any, weights: dict[str, Any], seen: dict[str, Any], why_float: str, images: int
) -> Operator:
    at, bias_at = _WEIGHTED[node.op_type]
    weight = weights.get(node.input[at])
    has_bias = bias_at is not None and len(node.input) > bias_at
    bias = _size(weights, node.input[bias_at]) if has_bias else 0
    size = int(np.prod(weight.dims)) if weight is not None else 0
    int8 = node.op_type.startswith(onnx_graph.INTEGER)
    stored_int8 = weight is not None and weight.data_type in _INT8
    return Operator(
        layer=_layer(node, at),
        kind=node.op_type,
        int8=int8,
        weights=size + bias,
        int8_weights=size if stored_int8 else 0,
        macs=_macs(node, weight, seen) // images,
        why="" if int8 else why_float,
        time_ns=seen.get("ns"),
    )


def _layer(node: Any, at: int) -> str:
    name = str(node.input[at])
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name if name != node.input[at] else str(qdq.layer_name(node))


def _macs(node: Any, weight: Any, seen: dict[str, Any]) -> int:
    """Return multiply-accumulates of a call: each output is a sum over a slice of weights."""
    if not seen:
        return 0
    made = int(np.prod(seen["output"][0]))
    if weight is None:  # a product of two activations
        return made * int(seen["input"][0][-1])
    if node.op_type in _CONVOLUTIONS:
        return made * int(np.prod(weight.dims[1:]))
    transposed = any(a.name == "transB" and a.i for a in node.attribute)
    return made * int(weight.dims[-1 if transposed else 0])


_IS_FP32 = "the artifact is FP32"
_WHY_KEPT = {
    Kept.ACCURATE: "kept in FP32 for its accuracy",
    Kept.FASTER: "kept in FP32: faster than INT8 with the conversions around it",
}


def _why_float_layer(
    node: Any, precision: str, makers: dict[str, Any], kept: dict[str, Kept]
) -> str:
    """Say why a layer of an INT8 graph is FP32."""
    if precision == "fp32":
        return _IS_FP32
    if why := kept.get(node.input[1]):
        return _WHY_KEPT[why]
    if node.op_type in _CONVOLUTIONS and precision in ("", "int8-dynamic"):
        return "dynamic INT8 leaves convolutions in FP32: their INT8 kernel for it is slow"
    feeder = makers.get(node.input[0])
    return f"its input comes from {feeder.op_type} in FP32" if feeder else "its input is FP32"


def _why_float(name: str, kind: str, precision: str) -> str:
    if name in onnx_graph.NORMALISATION:
        return "it normalises the raw pixels"
    if precision in ("int8-dynamic", "int8-dynamic-conv"):
        return "dynamic INT8 quantizes matrix products alone"
    if _has_no_kernel(name, kind, precision):
        return f"ONNX Runtime has no INT8 kernel for {kind}"
    return "its neighbours are FP32"


def _has_no_kernel(name: str, kind: str, precision: str) -> bool:
    dynamic = precision in ("int8-dynamic", "int8-dynamic-conv")
    return not dynamic and name not in onnx_graph.NORMALISATION and kind not in qdq.OPERATORS


_FREE = {
    *("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Shape", "Gather"),
    *("Concat", "Cast", "Constant", "DynamicQuantizeLinear", *onnx_graph.CONVERSIONS),
}
"""What only moves or converts values: no work in either precision."""


def _gives_no_float(seen: dict[str, Any]) -> bool:
    """Whether all that an operator was seen to give are integers: INT8 values, or shapes."""
    return bool(seen) and "float" not in seen["kinds"]


def _size(weights: dict[str, Any], name: str) -> int:
    tensor = weights.get(name)
    held = tensor is not None and tensor.data_type in _NUMBERS
    return int(np.prod(tensor.dims)) if tensor is not None and held else 0
