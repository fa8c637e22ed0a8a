"""What PyTorch does with a TorchScript file: its operators, seen as they are dispatched."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch.utils._python_dispatch import TorchDispatchMode

from cifarq_export.explain import Explanation, Operator
from edge_runtime import engines

_INT8_LINEAR = "Linear (INT8)"
_WHY_CONV = "PyTorch's dynamic INT8 covers Linear layers, not convolutions"
_WHY_FP32 = "the artifact is FP32"


def explain(content: bytes, name: str, image: NDArray[Any], precision: str) -> Explanation:
    """Explain a TorchScript file from its bytes, whose hash has been checked."""
    session = engines.load("torch", content, name)
    recorder = _Recorder()
    with recorder:
        session.run(image)
    int8 = any(kind == _INT8_LINEAR for kind, *_ in recorder.seen)
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
        given = [*args, None]  # a bias may be left out
        if "convolution" in name or "conv2d" in name:
            self._note("Conv", given[1], given[2], result, given[1][0].numel())
        elif "addmm" in name:
            self._note("Linear", given[2], given[0], result, given[2].shape[0])
        elif "aten.mm" in name:
            self._note("Linear", given[1], None, result, given[1].shape[0])
        elif name.startswith("aten.linear"):  # in inference mode it is not taken apart
            self._note("Linear", given[1], given[2], result, given[1].shape[1])
        elif "linear_dynamic" in name:
            weight, bias = torch.ops.quantized.linear_unpack(given[1])
            self._note(_INT8_LINEAR, weight, bias, result, weight.shape[1])
        return result

    def _note(self, kind: str, weight: Any, bias: Any, result: Any, summed: int) -> None:
        """Note an operator each of whose results is a sum of ``summed`` products."""
        held = weight.numel()
        int8 = held if kind == _INT8_LINEAR else 0
        more = 0 if bias is None else bias.numel()
        self.seen.append((kind, held + more, int8, result.numel() * summed))
