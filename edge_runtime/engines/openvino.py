"""OpenVINO on the CPU, reading ONNX files."""

import io
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from edge_runtime.documents import onnx_file
from edge_runtime.engines import Options, Session
from edge_runtime.errors import EngineError, reason
from edge_runtime.operators import kinds, macs
from edge_runtime.operators.operator import Call, Calls, Operator

if TYPE_CHECKING:  # what is missing is said without numpy, which may be missing too
    import numpy as np
    from numpy.typing import NDArray

FORMATS = ("onnx",)
PRECISIONS = ("fp32", "int8-dynamic", "int8-static")
REQUIRES = "openvino"
INSTALL = "pip install openvino"
WHEEL = "openvino"
ASKED_FOR = "--with-openvino"
WHEEL_NOTE = "30 MB more to copy"
PROCESS_BYTES = 150 * 2**20
KNOBS = {"hint": ("latency", "throughput"), "pinning": ("default", "yes", "no")}
"""Source: OpenVINO's "CPU device" and "High-level performance hints"."""

_LAYERS = ("Convolution", "Deconvolution", "FullyConnected", "MatMul")
_EIGHT_BITS = ("u8", "i8")
_RESOLUTION_NS = 1000.0
"""Its counters are whole microseconds, cut off."""

_NAMES = {"u8": "INT8", "i8": "INT8", "f16": "FP16", "bf16": "BF16", "f32": "FP32"}


class _Session:
    """A compiled model and its one request for inference."""

    def __init__(self, content: bytes, options: Options, *, counting: bool = False) -> None:
        import openvino

        core = openvino.Core()
        # As its documentation advises where one call is waited for at a time.
        hint = options.knobs.get("hint", "latency")
        hints: dict[str, Any] = {"PERFORMANCE_HINT": hint.upper(), "NUM_STREAMS": 1}
        hints["INFERENCE_NUM_THREADS"] = options.threads
        if (pinning := options.knobs.get("pinning", "default")) != "default":
            hints["ENABLE_CPU_PINNING"] = pinning == "yes"
        # Else Arm cores with FP16 arithmetic would compute an FP32 file, and INT8, in FP16.
        hints["INFERENCE_PRECISION_HINT"] = "f32"
        hints["PERF_COUNT"] = counting
        model = core.compile_model(core.read_model(io.BytesIO(content)), "CPU", hints)
        self.details = {"hint": hint, "streams": "1", "layers": _describe_layers(model)}
        self.model = model
        self.request = model.create_infer_request()

    def run(self, batch: "NDArray[np.float32]") -> "NDArray[Any]":
        logits: NDArray[Any] = self.request.infer([batch], share_inputs=True)[0]
        return logits


def _describe_layers(model: Any) -> str:
    """Return in what convolutions and matrix products are computed."""
    told = (node.get_rt_info() for node in model.get_runtime_model().get_ops())
    ran = Counter(
        str(about["runtimePrecision"].astype(str))
        for about in told
        if about["layerType"].astype(str) in _LAYERS
    )
    counts = (f"{count} in {_NAMES.get(kind, kind)}" for kind, count in sorted(ran.items()))
    return ", ".join(counts) or "none"


def load(content: bytes, name: str, options: Options) -> Session:
    """Load an ONNX model that is whole.

    Raises:
        EngineError: OpenVINO refuses it, or it has weights in another file.
    """
    if onnx_file.keeps_weights_elsewhere(content):
        what = f"{name} has its weights in another file, which no hash covers."
        raise EngineError(what, "Export it again.")
    return _open(content, name, options)


def _open(content: bytes, name: str, options: Options, *, counting: bool = False) -> _Session:
    try:
        return _Session(content, options, counting=counting)
    except RuntimeError as error:
        raise EngineError(f"OpenVINO {version()} refuses {name}: {reason(error)}") from error


def profile(
    content: bytes, name: str, options: Options, batch: "NDArray[np.float32]", seconds: float
) -> Calls:
    """Return the operators that it ran in a call, on average: it keeps no times of single calls.

    The first call is among them.

    Args:
        content: as ``load`` takes it.
        name: as ``load`` takes it.
        options: as ``load`` takes them.
        batch: (N, C, H, W).
        seconds: how long it may call.

    Raises:
        EngineError: OpenVINO refuses it.
    """
    session = _open(content, name, options, counting=True)
    begin, count = time.perf_counter(), 0
    while (passed := time.perf_counter() - begin) < seconds or not count:
        session.run(batch)
        count += 1
    nodes = {node.get_friendly_name(): node for node in session.model.get_runtime_model().get_ops()}
    operators = tuple(
        _operator(told, nodes.get(told.node_name))
        for told in session.request.get_profiling_info()
        if told.status == told.status.EXECUTED
    )
    return Calls((Call(passed / count * 1e9, operators),), _RESOLUTION_NS)


def _operator(told: Any, node: Any) -> Operator:
    kind, time_ns = told.node_type, told.real_time.total_seconds() * 1e9
    if node is None:
        return Operator(told.node_name, kind, time_ns)
    shapes: list[list[int]] = [*map(_shape, node.inputs()), [], []]
    given, weights = shapes[:2]
    output, count = _shape(node.output(0)), None
    if "Convolution" in kind:
        if len(weights) == len(given) + 1:  # (groups, outputs of one, inputs of one, ...)
            weights = [weights[0] * weights[1], *weights[2:]]
        transposed = "Deconvolution" in kind
        kind, count = macs.convolution(kind, given, weights, output, transposed=transposed)
    elif kinds.is_product(kind):
        count = macs.of_product(given, output)
    precision = str(node.get_rt_info()["runtimePrecision"].astype(str))
    in_8_bits = precision in _EIGHT_BITS and not kinds.is_conversion(kind)
    return Operator(told.node_name, kind, time_ns, 1, count, in_8_bits, tuple(output))


def _shape(port: Any) -> list[int]:
    """Return the shape of a node's input or output; [] where it is known in a call only."""
    shape = port.get_partial_shape()
    return [int(n) for n in shape.to_shape()] if shape.is_static else []


def version() -> str:
    """Return OpenVINO's version."""
    import openvino

    return str(openvino.__version__).partition("-")[0]
