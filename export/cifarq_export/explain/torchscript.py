"""What PyTorch does with a TorchScript file: its operators, seen as they are dispatched."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch.utils._python_dispatch import TorchDispatchMode

from cifarq_export.explain import Explanation, Operator
from edge_runtime.engines import require

_WHY_CONV = "PyTorch's dynamic INT8 covers Linear layers, not convolutions"
_WHY_FP32 = "the artifact is FP32"


def explain(path: Path, image: NDArray[Any], precision: str) -> Explanation:
    """Explain a TorchScript file whose hash has been checked."""
    session = require("torch").load(path, 1)
    recorder = _Recorder()
    with recorder:
        session.run(image)
    int8 = any(kind == "Linear (INT8)" for kind, *_ in recorder.seen)
    operators = []
    for number, (kind, weights, int8_weights, macs) in enumerate(recorder.seen, 1):
        is_int8 = int8_weights > 0
        why = "" if is_int8 else _WHY_CONV if int8 else _WHY_FP32
        operators.append(
            Operator(f"{kind} {number}", kind, is_int8, weights, int8_weights, macs, why)
        )
    return Explanation(tuple(operators))


class _Recorder(TorchDispatchMode):
    """Notes kind, weights, INT8 weights and multiply-accumulates of what has weights."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: list[tuple[str, int, int, int]] = []

    def __torch_dispatch__(
        self,
        function: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        name = str(function)
        if "convolution" in name or "conv2d" in name:
            weight = args[1]
            bias = args[2].numel() if len(args) > 2 and args[2] is not None else 0
            self._note("Conv", weight.numel() + bias, 0, result.numel() * weight[0].numel())
        elif "addmm" in name:
            weight = args[2]
            macs = result.numel() * weight.shape[0]
            self._note("Linear", weight.numel() + args[0].numel(), 0, macs)
        elif "aten.mm" in name:
            self._note("Linear", args[1].numel(), 0, result.numel() * args[1].shape[0])
        elif name.startswith("aten.linear"):  # in inference mode it is not taken apart
            weight = args[1]
            bias = args[2].numel() if len(args) > 2 and args[2] is not None else 0
            macs = result.numel() * weight.shape[1]
            self._note("Linear", weight.numel() + bias, 0, macs)
        elif "linear_dynamic" in name:
            weight, bias = torch.ops.quantized.linear_unpack(args[1])
            held = math.prod(weight.shape)
            more = 0 if bias is None else bias.numel()
            self._note("Linear (INT8)", held + more, held, result.numel() * weight.shape[1])
        return result

    def _note(self, kind: str, weights: int, int8_weights: int, macs: int) -> None:
        self.seen.append((kind, weights, int8_weights, macs))
