"""ncnn on the CPU, one image after the other: it knows no batches."""

import io
import zipfile
from typing import TYPE_CHECKING, Any

from edge_runtime.engines import Options, Session
from edge_runtime.errors import EngineError
from edge_runtime.files import in_memory

if TYPE_CHECKING:  # what is missing is said without numpy, which may be missing too
    import numpy as np
    from numpy.typing import NDArray

FORMATS = ("ncnn",)
PRECISIONS = ("fp32", "fp16")
REQUIRES = "ncnn"
INSTALL = "pip install ncnn"
WHEEL = "ncnn"
ASKED_FOR = ""
PROCESS_BYTES = 50 * 2**20
KNOBS = {"winograd": ("yes", "no"), "sgemm": ("yes", "no"), "packing": ("yes", "no")}
"""Source: ncnn's ``option.h``."""

_KNOBS = {
    "winograd": "use_winograd_convolution",
    "sgemm": "use_sgemm_convolution",
    "packing": "use_packing_layout",
}

PARAM, WEIGHTS = "model.ncnn.param", "model.ncnn.bin"
"""What a file, a zip archive, holds: ncnn's own two files."""

_INPUT, _OUTPUT = "in0", "out0"


class _Session:
    def __init__(self, content: bytes, options: Options) -> None:
        import ncnn
        import numpy

        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            param, weights = archive.read(PARAM), archive.read(WEIGHTS)
        self._net = ncnn.Net()
        self._net.opt.num_threads = options.threads
        # By default it computes in FP16 wherever the CPU can, whatever the file holds.
        for name in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic"):
            setattr(self._net.opt, name, options.precision == "fp16")
        for name, value in options.knobs.items():
            setattr(self._net.opt, _KNOBS[name], value == "yes")
        with in_memory(param) as network, in_memory(weights) as numbers:
            if self._net.load_param(network) or self._net.load_model(numbers):
                raise EngineError("its network or its weights are not ncnn's")
        self._mat, self._array = ncnn.Mat, numpy.array
        self._stack, self._copy = numpy.stack, numpy.ascontiguousarray

    def run(self, batch: "NDArray[np.float32]") -> "NDArray[Any]":
        logits: NDArray[Any] = self._stack([self._answer(image) for image in batch])
        return logits

    def _answer(self, image: "NDArray[np.float32]") -> "NDArray[Any]":
        with self._net.create_extractor() as extractor:
            extractor.input(_INPUT, self._mat(self._copy(image)))
            status, answer = extractor.extract(_OUTPUT)
            if status:
                raise EngineError(f"ncnn ends with status {status}")
            return self._array(answer)  # a copy: what it is made of goes with the extractor


def load(content: bytes, name: str, options: Options) -> Session:
    """Load a file that holds a network of ncnn.

    Raises:
        EngineError: ncnn refuses it.
    """
    try:
        return _Session(content, options)
    except (EngineError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise EngineError(f"ncnn {version()} refuses {name}: {error}.") from error


def version() -> str:
    """Return ncnn's version."""
    import ncnn

    return str(ncnn.__version__)
