"""MNN on the CPU."""

from typing import TYPE_CHECKING, Any

from edge_runtime.engines import Options, Session
from edge_runtime.errors import EngineError
from edge_runtime.files import in_memory

if TYPE_CHECKING:  # what is missing is said without numpy, which may be missing too
    import numpy as np
    from numpy.typing import NDArray

FORMATS = ("mnn",)
PRECISIONS = ("fp32", "fp16", "int8-static")
REQUIRES = "MNN"
INSTALL = "pip install MNN"
WHEEL = "MNN"
ASKED_FOR = ""
PROCESS_BYTES = 80 * 2**20


class _Session:
    def __init__(self, content: bytes, options: Options) -> None:
        import MNN
        import numpy

        with in_memory(content) as path:
            self._interpreter = MNN.Interpreter(path)
        config = {"backend": "CPU", "numThread": options.threads}
        config["precision"] = "low" if options.precision == "fp16" else "high"
        self._session = self._interpreter.createSession(config)
        self._input = self._interpreter.getSessionInput(self._session)
        self._output = self._interpreter.getSessionOutput(self._session)
        self._shape: tuple[int, ...] = ()
        self._tensor, self._float = MNN.Tensor, MNN.Halide_Type_Float
        self._as_onnx_has_it = MNN.Tensor_DimensionType_Caffe
        self._empty, self._array = numpy.empty, numpy.array

    def run(self, batch: "NDArray[np.float32]") -> "NDArray[Any]":
        if batch.shape != self._shape:
            self._interpreter.resizeTensor(self._input, batch.shape)
            self._interpreter.resizeSession(self._session)
            self._shape = batch.shape
        self._input.copyFrom(self._wrap(batch))
        status = self._interpreter.runSession(self._session)
        if status:
            raise EngineError(f"MNN ends with status {status}")
        made = self._wrap(self._empty(self._output.getShape(), "float32"))
        self._output.copyToHostTensor(made)
        logits: NDArray[Any] = self._array(made.getNumpyData())
        return logits.reshape(len(batch), -1)

    def _wrap(self, array: "NDArray[Any]") -> Any:
        return self._tensor(array.shape, self._float, array, self._as_onnx_has_it)


def load(content: bytes, name: str, options: Options) -> Session:
    """Load an MNN file.

    Raises:
        EngineError: MNN refuses it.
    """
    try:
        return _Session(content, options)
    except (RuntimeError, ValueError, TypeError) as error:
        raise EngineError(f"MNN {version()} refuses {name}: {error}.") from error


def version() -> str:
    """Return MNN's version."""
    import MNN

    return str(MNN.version())
