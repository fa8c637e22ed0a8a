"""OpenVINO on the CPU, reading ONNX files."""

import io
from collections import Counter
from typing import TYPE_CHECKING, Any

from edge_runtime.documents import onnx_file
from edge_runtime.engines import Options, Session
from edge_runtime.errors import EngineError, reason

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
_NAMES = {"u8": "INT8", "i8": "INT8", "f16": "FP16", "bf16": "BF16", "f32": "FP32"}


class _Session:
    """A compiled model and its one request for inference."""

    def __init__(self, content: bytes, options: Options) -> None:
        import openvino

        core = openvino.Core()
        # As its documentation advises where one call is waited for at a time.
        hint = options.knobs.get("hint", "latency")
        hints: dict[str, Any] = {"PERFORMANCE_HINT": hint.upper(), "NUM_STREAMS": 1}
        hints["INFERENCE_NUM_THREADS"] = options.threads
        if (pinning := options.knobs.get("pinning", "default")) != "default":
            hints["ENABLE_CPU_PINNING"] = pinning == "yes"
        model = core.compile_model(core.read_model(io.BytesIO(content)), "CPU", hints)
        self.details = {"hint": hint, "streams": "1", "layers": _describe_layers(model)}
        self._request = model.create_infer_request()

    def run(self, batch: "NDArray[np.float32]") -> "NDArray[Any]":
        logits: NDArray[Any] = self._request.infer([batch], share_inputs=True)[0]
        return logits


def _describe_layers(model: Any) -> str:
    """Return in what convolutions and matrix products are computed: on Arm INT8 is, as FP16."""
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
    try:
        return _Session(content, options)
    except RuntimeError as error:
        raise EngineError(f"OpenVINO {version()} refuses {name}: {reason(error)}") from error


def version() -> str:
    """Return OpenVINO's version."""
    import openvino

    return str(openvino.__version__).partition("-")[0]
