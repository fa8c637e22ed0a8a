"""What of an artifact is INT8, what is not, and why: one format a file, named like the format.

A format without a file here can be exported all the same; its INT8 shares are unknown.

Shares are of what the FP32 model holds: a weight counts as 4 bytes whether it became INT8 or not,
so that 90 % means nine tenths of the FP32 file, and 25 % of the multiply-accumulates in FP32 bound
the gain at 4 times.

A file defines ``explain(content, name, image, precision) -> Explanation`` of an artifact's bytes,
and where these cannot run code, and so may be opened outside a bundle, ``read_file(path,
input_shape)``: a file's bytes, and an image of zeros that it takes.

litert.py        operators as a TFLite file names them
onnx.py          operators as ONNX Runtime fuses and times them
torchscript.py   operators as PyTorch dispatches them
report.py        ``cifarq-export explain``
"""

import importlib
import importlib.util
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_runtime.bundle.manifest import Quantized


@dataclass(frozen=True)
class Operator:
    """One operator as the engine runs it.

    Attributes:
        layer: what the user knows it as, or its node's name.
        kind: the operator's type, as the engine names it.
        int8: whether it computes in INT8; what only moves INT8 values does not.
        weights: how many numbers it holds: weights and biases.
        int8_weights: how many of them are INT8.
        macs: multiply-accumulates for one image; 0 for what only moves or compares.
        why: why it is not INT8; empty if it is, or has no share in size or arithmetic.
        no_kernel: whether it is FP32 because its engine has no INT8 kernel for its type.
        time_ns: in one call, if it was profiled.
    """

    layer: str
    kind: str
    int8: bool
    weights: int = 0
    int8_weights: int = 0
    macs: int = 0
    why: str = ""
    no_kernel: bool = False
    time_ns: int | None = None

    @property
    def works(self) -> bool:
        """Whether it holds weights or computes: what only moves values does neither."""
        return bool(self.int8 or self.weights or self.macs or self.why)


@dataclass(frozen=True)
class Explanation:
    """All operators of an artifact.

    Attributes:
        operators: in the order in which they run.
        quantize_nodes_between: quantize and dequantize nodes left between integer kernels.
    """

    operators: tuple[Operator, ...]
    quantize_nodes_between: int = 0

    @property
    def weight_share(self) -> float:
        """The share (0-1) of weights that is INT8."""
        return _share(sum(o.int8_weights for o in self.operators), self._total("weights"))

    @property
    def mac_share(self) -> float:
        """The share (0-1) of multiply-accumulates that is INT8."""
        return _share(sum(o.macs for o in self.operators if o.int8), self._total("macs"))

    def counts(self, *, int8: bool) -> dict[str, int]:
        """Return operators with weights or arithmetic by type, those in INT8 or those in FP32."""
        counts = Counter(o.kind for o in self.operators if o.works and o.int8 == int8)
        return dict(sorted(counts.items()))

    def without_kernel(self) -> dict[str, int]:
        """Return the operators for whose type there is no INT8 kernel, the most frequent first."""
        return dict(Counter(o.kind for o in self.operators if o.no_kernel).most_common())

    def to_manifest(self) -> Quantized:
        """Return the facts for a manifest: no timings."""
        why = {o.kind: o.why for o in self.operators if o.why}
        return Quantized(
            weight_share=round(self.weight_share, 4),
            mac_share=round(self.mac_share, 4),
            int8=self.counts(int8=True),
            fp32=self.counts(int8=False),
            why_fp32=dict(sorted(why.items())),
            quantize_nodes_between=self.quantize_nodes_between,
        )

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {**asdict(self.to_manifest()), "operators": [asdict(o) for o in self.operators]}

    def _total(self, name: str) -> int:
        return sum(int(getattr(operator, name)) for operator in self.operators)


def explain(
    content: bytes, name: str, format_: str, image: NDArray[Any], *, precision: str = ""
) -> Explanation | None:
    """Say what of an artifact is INT8; None if no file here knows its format.

    Args:
        content: the artifact's bytes, whose hash has been checked if its format can run code.
        name: of its file.
        format_: the artifact's format.
        image: a batch that it takes; figures are for one image of it.
        precision: what it was exported as, if that is known: it is part of the reasons.

    Raises:
        EngineError: the engine refuses it.
    """
    module = _module(format_)
    if module is None:
        return None
    explanation: Explanation = module.explain(content, name, np.ascontiguousarray(image), precision)
    return explanation


def explain_file(path: Path, input_shape: tuple[int, int, int] | None) -> Explanation | None:
    """Explain a file outside any bundle by its suffix; None if it must not be opened unchecked.

    Args:
        path: the file.
        input_shape: (C, H, W), for a file that leaves its size open.

    Raises:
        ExportError: it is not valid, or leaves the size of its input open.
    """
    module = _module(path.suffix.removeprefix("."))
    if not hasattr(module, "read_file"):
        return None
    assert module is not None
    content, image = module.read_file(path, input_shape)
    explanation: Explanation = module.explain(content, path.name, image, "")
    return explanation


def _module(format_: str) -> ModuleType | None:
    name = f"{__name__}.{format_}"
    is_here = format_.isidentifier() and importlib.util.find_spec(name) is not None
    return importlib.import_module(name) if is_here else None


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
