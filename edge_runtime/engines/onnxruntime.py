"""ONNX Runtime on the CPU."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from edge_runtime.documents import onnx_file
from edge_runtime.engines import Options, Session
from edge_runtime.errors import EngineError, reason

if TYPE_CHECKING:  # what is missing is said without numpy, which may be missing too
    import numpy as np
    from numpy.typing import NDArray

FORMATS = ("onnx",)
PRECISIONS = ("fp32", "int8-dynamic", "int8-static")
REQUIRES = "onnxruntime"
INSTALL = "pip install onnxruntime"
WHEEL = "onnxruntime"
ASKED_FOR = ""
PROCESS_BYTES = 100 * 2**20
KNOBS = {
    "graph": ("all", "extended", "basic"),
    "spinning": ("yes", "no"),
    "memory pattern": ("yes", "no"),
    "memory arena": ("yes", "no"),
}
"""Source: ONNX Runtime's "Thread management" and "Graph optimizations"."""


class OrtSession:
    """A session that maps a batch to the first output; ``inner`` is ONNX Runtime's own."""

    def __init__(self, content: bytes, threads: int, options: Any) -> None:
        import onnxruntime

        # Explicit counts: left to itself ORT pins a thread to each core, which containers refuse.
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # nothing: errors are raised, and said once
        # Its own format, which it would take bytes for, may name files beside the model.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        self.inner = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
        # It keeps the file's bytes to open it again on another provider: there is none.
        self.inner._model_bytes = None
        self._input = self.inner.get_inputs()[0].name
        self._outputs = [self.inner.get_outputs()[0].name]

    def run(self, batch: "NDArray[np.float32]") -> "NDArray[Any]":
        """Map (N, C, H, W) float32 to the first output; ONNX Runtime's errors are its own."""
        logits: NDArray[Any] = self.inner.run(self._outputs, {self._input: batch})[0]
        return logits


def open_session(content: bytes, name: str, threads: int = 1, options: Any = None) -> OrtSession:
    """Open an ONNX model that is whole.

    Args:
        content: what its file holds. Weights in another one would be looked for in the current
            folder, and no hash covers them.
        name: what to call it in the error.
        threads: of the session.
        options: ``SessionOptions``, if other than the default ones; threads are set in them.

    Raises:
        EngineError: ONNX Runtime refuses it, an unsupported operator for instance; or it has
            weights elsewhere.
    """
    import onnxruntime

    if onnx_file.keeps_weights_elsewhere(content):
        what = f"{name} has its weights in another file, which no hash covers."
        raise EngineError(what, "Export it again.")
    try:
        return OrtSession(content, threads, options or onnxruntime.SessionOptions())
    except Exception as error:  # its exceptions share no base class of its own
        raise EngineError(f"ONNX Runtime {version()} refuses {name}: {reason(error)}") from error


def load(content: bytes, name: str, options: Options) -> Session:
    """Load an ONNX model.

    Raises:
        EngineError: ONNX Runtime refuses it, or it is not whole.
    """
    return open_session(content, name, options.threads, _session_options(options.knobs))


def _session_options(knobs: Mapping[str, str]) -> Any:
    import onnxruntime

    given = onnxruntime.SessionOptions()
    if "graph" in knobs:
        level = f"ORT_ENABLE_{knobs['graph'].upper()}"
        given.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    if "spinning" in knobs:
        key = "session.intra_op.allow_spinning"
        given.add_session_config_entry(key, str(int(knobs["spinning"] == "yes")))
    given.enable_mem_pattern = knobs.get("memory pattern") != "no"
    given.enable_cpu_mem_arena = knobs.get("memory arena") != "no"
    return given


def version() -> str:
    """Return ONNX Runtime's version."""
    import onnxruntime

    return str(onnxruntime.__version__)
