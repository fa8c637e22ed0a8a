"""PyTorch running programs of torch.export.

Such a file can hold pickles: ``load`` is for bytes whose hash matched their manifest.
"""

import io
from typing import TYPE_CHECKING, Any

from edge_runtime.engines import Options, Session
from edge_runtime.engines import torch as legacy
from edge_runtime.errors import EngineError, reason
from edge_runtime.operators.operator import Calls

if TYPE_CHECKING:  # what is missing is said without numpy, which may be missing too
    import numpy as np
    from numpy.typing import NDArray

FORMATS = ("pt2",)
PRECISIONS = ("fp32",)
REQUIRES, INSTALL, WHEEL = legacy.REQUIRES, legacy.INSTALL, legacy.WHEEL
ASKED_FOR, WHEEL_NOTE = legacy.ASKED_FOR, legacy.WHEEL_NOTE
PROCESS_BYTES = 500 * 2**20
KNOBS = legacy.KNOBS

no_wheel = legacy.no_wheel
version = legacy.version


class _Session:
    def __init__(self, content: bytes, options: Options) -> None:
        import torch

        torch.set_num_threads(options.threads)
        self._module = torch.export.load(io.BytesIO(content)).module()
        self._from_numpy = legacy.reader(options)
        self._inference_mode = torch.inference_mode

    def run(self, batch: "NDArray[np.float32]") -> "NDArray[Any]":
        with self._inference_mode():
            logits: NDArray[Any] = self._module(self._from_numpy(batch)).numpy()
        return logits


def load(content: bytes, name: str, options: Options) -> Session:
    """Load an exported program from its bytes, whose hash has been checked.

    Raises:
        EngineError: PyTorch refuses it.
    """
    try:
        return _Session(content, options)
    except (RuntimeError, ValueError) as error:
        raise EngineError(f"PyTorch {version()} refuses {name}: {reason(error)}") from error


def profile(
    content: bytes, name: str, options: Options, batch: "NDArray[np.float32]", seconds: float
) -> Calls:
    """Return the outermost operators of some calls.

    Raises:
        EngineError: PyTorch refuses it.
    """
    return legacy.profile_session(load(content, name, options), batch, seconds)
