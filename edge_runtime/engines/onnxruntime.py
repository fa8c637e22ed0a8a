"""ONNX Runtime on the CPU."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.engines import Session
from edge_runtime.errors import EngineError, reason

if TYPE_CHECKING:  # what is missing is said without numpy, which may be missing too
    import numpy as np
    from numpy.typing import NDArray

FORMATS = ("onnx",)
REQUIRES = "onnxruntime"
INSTALL = "pip install onnxruntime"
WHEEL = "onnxruntime"
ASKED_FOR = ""
PROCESS_BYTES = 100 * 2**20


class _OrtSession:
    def __init__(self, path: Path, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # Explicit counts: left to itself ORT pins a thread to each core, which containers refuse.
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors; what matters is raised
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name
        self._outputs = [self._session.get_outputs()[0].name]

    def run(self, batch: "NDArray[np.float32]") -> "NDArray[Any]":
        logits: NDArray[Any] = self._session.run(self._outputs, {self._input: batch})[0]
        return logits


def load(path: Path, threads: int) -> Session:
    """Load an ONNX model.

    Raises:
        EngineError: ONNX Runtime refuses it.
    """
    try:
        return _OrtSession(path, threads)
    except Exception as error:  # its exceptions share no base class of its own
        raise EngineError(
            f"ONNX Runtime {version()} refuses {path.name}: {reason(error)}"
        ) from error


def version() -> str:
    """Return ONNX Runtime's version."""
    import onnxruntime

    return str(onnxruntime.__version__)
