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


class OrtSession:
    """A session that maps a batch to the first output; ``inner`` is ONNX Runtime's own."""

    def __init__(self, content: str | bytes, threads: int, options: Any) -> None:
        import onnxruntime

        # Explicit counts: left to itself ORT pins a thread to each core, which containers refuse.
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # nothing: errors are raised, and said once
        self.inner = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
        self._input = self.inner.get_inputs()[0].name
        self._outputs = [self.inner.get_outputs()[0].name]

    def run(self, batch: "NDArray[np.float32]") -> "NDArray[Any]":
        """Map (N, C, H, W) float32 to the first output; ONNX Runtime's errors are its own."""
        logits: NDArray[Any] = self.inner.run(self._outputs, {self._input: batch})[0]
        return logits


def open_session(
    content: Path | bytes, name: str, threads: int = 1, options: Any = None
) -> OrtSession:
    """Open an ONNX model.

    Args:
        content: a file, or its bytes.
        name: what to call it in the error.
        threads: of the session.
        options: ``SessionOptions``, if other than the default ones; threads are set in them.

    Raises:
        EngineError: ONNX Runtime refuses it: an unsupported operator, for instance.
    """
    import onnxruntime

    source = str(content) if isinstance(content, Path) else content
    try:
        return OrtSession(source, threads, options or onnxruntime.SessionOptions())
    except Exception as error:  # its exceptions share no base class of its own
        raise EngineError(f"ONNX Runtime {version()} refuses {name}: {reason(error)}") from error


def load(path: Path, threads: int) -> Session:
    """Load an ONNX model.

    Raises:
        EngineError: ONNX Runtime refuses it.
    """
    return open_session(path, path.name, threads)


def version() -> str:
    """Return ONNX Runtime's version."""
    import onnxruntime

    return str(onnxruntime.__version__)
