"""PyTorch running TorchScript.

A TorchScript file can run code: ``load`` is for bytes whose hash matched their manifest.
"""

import io
import platform
import warnings
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from edge_runtime.engines import Check, Options, Session
from edge_runtime.errors import EngineError

if TYPE_CHECKING:  # what is missing is said without numpy, which may be missing too
    import numpy as np
    from numpy.typing import NDArray

FORMATS = ("torchscript",)
PRECISIONS = ("fp32", "int8-dynamic")
REQUIRES = "torch"
# Above 2.9.1 PyPI's aarch64 wheels bring CUDA packages of several GB.
INSTALL = "pip install torch==2.9.1" if platform.machine() == "aarch64" else "pip install torch"
WHEEL = "torch==2.9.1"
ASKED_FOR = "--with-torch"
WHEEL_NOTE = "115 MB more to copy, 500 MB installed"
PROCESS_BYTES = 400 * 2**20
KNOBS = {"layout": ("channels first", "channels last")}
"""Source: PyTorch's "Channels Last Memory Format"."""


class _TorchSession:
    def __init__(self, content: bytes, options: Options) -> None:
        import torch

        torch.set_num_threads(options.threads)
        choose_quantized_backend()
        with warnings.catch_warnings():
            # torch.jit still works and says it will go: pytorch#177239.
            warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", FutureWarning)
            # So do quantized tensors (pytorch#184982); unpickled by C++ they say it once, past
            # Python's filters, unless it has been said before.
            warnings.filterwarnings("ignore", r"torch\.quantize_per_tensor, ", UserWarning)
            torch.quantize_per_tensor(torch.zeros(1), 1.0, 0, torch.qint8)
            self._module = torch.jit.load(io.BytesIO(content), map_location="cpu")
        self._module.eval()
        self._from_numpy = reader(options)
        self._inference_mode = torch.inference_mode

    def run(self, batch: "NDArray[np.float32]") -> "NDArray[Any]":
        with self._inference_mode():
            logits: NDArray[Any] = self._module(self._from_numpy(batch)).numpy()
        return logits


def reader(options: Options) -> Callable[[Any], Any]:
    """Return what makes a tensor of an array (N, C, H, W), in the layout that was chosen."""
    import torch

    if options.knobs.get("layout") != "channels last":
        return torch.from_numpy

    def read(batch: Any) -> Any:
        return torch.from_numpy(batch).contiguous(memory_format=torch.channels_last)

    return read


def choose_quantized_backend() -> None:
    """Use qnnpack on Arm where PyTorch has it: quantized weights are packed for the chosen backend.

    To be called before a model is quantized, or a quantized file is loaded.
    """
    import torch

    arm = platform.machine() in ("aarch64", "arm64")
    if arm and "qnnpack" in torch.backends.quantized.supported_engines:
        torch.backends.quantized.engine = "qnnpack"


def no_wheel(machine: str) -> str:
    """Return why no wheel of PyTorch can travel to a machine; '' if one can."""
    if machine == "aarch64":
        return ""
    return (
        f"on PyPI the {machine} wheels of PyTorch are CUDA builds of several GB; the device can "
        "install the CPU build from PyTorch's own package index"
    )


def checks(precisions: Collection[str]) -> list[Check]:
    """Check that quantized files can run: without a quantized backend they are refused or wrong."""
    if not set(precisions) - {"fp32"}:
        return []
    import torch

    choose_quantized_backend()
    names = list(torch.backends.quantized.supported_engines)
    text = f"PyTorch's quantized backends here: {', '.join(names) or 'none'}"
    if set(names) - {"none"}:
        return [Check("quantized", f"{text}; {torch.backends.quantized.engine} is used")]
    return [Check("quantized", text, "install another build of PyTorch, or use other artifacts")]


def load(content: bytes, name: str, options: Options) -> Session:
    """Load a TorchScript file from its bytes, whose hash has been checked.

    Raises:
        EngineError: PyTorch refuses it.
    """
    try:
        return _TorchSession(content, options)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise EngineError(f"PyTorch {version()} refuses {name}: {reason}") from error


def version() -> str:
    """Return PyTorch's version."""
    import torch

    return str(torch.__version__)
