"""What every static INT8 model of an export is made from: found once, quantized many times."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cifarq_export.int8 import exact, qdq, runtime
from cifarq_export.int8.calibrate import Ranges
from edge_runtime.measure.accuracy import Predict
from edge_runtime.probes import target as targets


@dataclass(frozen=True)
class Static:
    """A model that is ready to be quantized.

    Attributes:
        model: FP32, folded (see ``runtime.fold``).
        ranges: of its activations.
        target: the CPU class that it is quantized for.
        kernels: what is quantized.
    """

    model: Any
    ranges: Ranges
    target: str
    kernels: qdq.Kernels = qdq.ONNX_RUNTIME

    @property
    def layers(self) -> dict[str, str]:
        """The layers that may stay FP32: node -> the layer's name."""
        return qdq.layers(self.model)

    def correct_biases(self, batches: Iterable[NDArray[np.float32]]) -> "Static":
        """Return it with biases that make good what the rounding of weights takes away.

        Args:
            batches: of real images, as the model takes them.
        """
        from cifarq_export.int8 import bias_correction  # it loads PyTorch

        model = bias_correction.correct_biases(self.model, self.quantize(), batches)
        return replace(self, model=model)

    def quantize(
        self,
        keep_fp32: tuple[str, ...] = (),
        faster_fp32: tuple[str, ...] = (),
        only: str | None = None,
    ) -> Any:
        """Return the INT8 model; see ``qdq.quantize``.

        Raises:
            ExportError: nothing in it can be quantized.
        """
        return qdq.quantize(
            *(self.model, self.ranges, self.target),
            keep_fp32=keep_fp32,
            faster_fp32=faster_fp32,
            only=only,
            kernels=self.kernels,
        )

    def open(self, *, only: str | None = None) -> Predict:
        """Open the INT8 model without a file: batch -> logits.

        It is computed by ONNX Runtime's kernels of this CPU where it is quantized for such a one,
        elsewhere in arithmetic that saturates on no CPU.

        Args:
            only: quantize this one node alone.
        """
        model = self.quantize(only=only)
        if self.target != targets.of_this_cpu():
            model = exact.make_unsigned(model)
        return runtime.open_model(model, "the INT8 model").run
