"""ExecuTorch on the CPU, with XNNPACK."""

import importlib.metadata
from typing import TYPE_CHECKING, Any

from edge_runtime.engines import Options, Session
from edge_runtime.engines import torch as pytorch
from edge_runtime.errors import EngineError, reason

if TYPE_CHECKING:  # what is missing is said without numpy, which may be missing too
    import numpy as np
    from numpy.typing import NDArray

FORMATS = ("executorch",)
PRECISIONS = ("fp32", "int8-static")
REQUIRES = "executorch.runtime"
INSTALL = "pip install executorch"
WHEEL = "executorch"
ASKED_FOR = "--with-executorch"
WHEEL_NOTE = "needs PyTorch and more"
PROCESS_BYTES = 500 * 2**20


def no_wheel(machine: str) -> str:
    """Return why it cannot travel to a machine with the PyTorch that it needs."""
    if machine != "aarch64":
        return pytorch.no_wheel(machine)
    # Seen on an emulated Cortex-A76: its library misses a symbol of PyTorch's.
    return f"executorch 1.5.1 cannot be imported beside {pytorch.WHEEL}, the last CPU build for Arm"


class _Session:
    def __init__(self, content: bytes, options: Options) -> None:
        import torch
        from executorch.extension.pybindings import portable_lib
        from executorch.runtime import Runtime

        torch.set_num_threads(options.threads)
        portable_lib._unsafe_reset_threadpool(options.threads)  # there is no other way to set it
        self._program = Runtime.get().load_program(content)
        self._method = self._program.load_method("forward")
        self._from_numpy = torch.from_numpy

    def run(self, batch: "NDArray[np.float32]") -> "NDArray[Any]":
        (answer,) = self._method.execute([self._from_numpy(batch)])
        logits: NDArray[Any] = answer.detach().numpy()
        return logits


def load(content: bytes, name: str, options: Options) -> Session:
    """Load a program of ExecuTorch.

    Raises:
        EngineError: ExecuTorch refuses it.
    """
    try:
        return _Session(content, options)
    except (RuntimeError, ValueError) as error:
        raise EngineError(f"ExecuTorch {version()} refuses {name}: {reason(error)}") from error


def version() -> str:
    """Return ExecuTorch's version."""
    return importlib.metadata.version("executorch")
