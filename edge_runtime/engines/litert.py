"""LiteRT on the CPU, with XNNPACK."""

import importlib.metadata
from typing import TYPE_CHECKING, Any

from edge_runtime.engines import Options, Session
from edge_runtime.errors import EngineError, reason

if TYPE_CHECKING:  # what is missing is said without numpy, which may be missing too
    import numpy as np
    from numpy.typing import NDArray

FORMATS = ("litert",)
PRECISIONS = ("fp32", "int8-static")
REQUIRES = "ai_edge_litert.interpreter"
INSTALL = "pip install ai-edge-litert"
WHEEL = "ai-edge-litert"
ASKED_FOR = ""
PROCESS_BYTES = 70 * 2**20
KNOBS = {"kernels": ("XNNPACK", "built in")}

_CHANNELS_LAST = (0, 2, 3, 1)


class _Session:
    """An interpreter that is given images (N, C, H, W), and reads them as (N, H, W, C)."""

    def __init__(self, content: bytes, options: Options) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        resolver = OpResolverType.AUTO
        if options.knobs.get("kernels") == "built in":
            resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        self._interpreter = Interpreter(
            model_content=content,
            num_threads=options.threads,
            experimental_op_resolver_type=resolver,
        )
        (self._input,) = (entry["index"] for entry in self._interpreter.get_input_details())
        (self._output,) = (entry["index"] for entry in self._interpreter.get_output_details())
        self._shape: tuple[int, ...] = ()

    def run(self, batch: "NDArray[np.float32]") -> "NDArray[Any]":
        if batch.shape != self._shape:
            self._resize(batch.shape)
        if batch.ndim == len(_CHANNELS_LAST):
            batch = batch.transpose(_CHANNELS_LAST)
        self._interpreter.set_tensor(self._input, batch)
        self._interpreter.invoke()
        logits: NDArray[Any] = self._interpreter.get_tensor(self._output)
        return logits

    def _resize(self, shape: tuple[int, ...]) -> None:
        sizes = [shape[axis] for axis in _CHANNELS_LAST] if len(shape) == 4 else list(shape)
        self._interpreter.resize_tensor_input(self._input, sizes)
        self._interpreter.allocate_tensors()
        self._shape = shape


def load(content: bytes, name: str, options: Options) -> Session:
    """Load a TFLite file.

    Raises:
        EngineError: LiteRT refuses it.
    """
    try:
        return _Session(content, options)
    except (RuntimeError, ValueError) as error:
        raise EngineError(f"LiteRT {version()} refuses {name}: {reason(error)}") from error


def version() -> str:
    """Return LiteRT's version."""
    return importlib.metadata.version("ai-edge-litert")
