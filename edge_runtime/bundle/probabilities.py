"""From a model's logits to its probabilities."""

from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a manifest is read by processes that compute nothing, too
    import numpy as np
    from numpy.typing import NDArray


class Probabilities(StrEnum):
    """What turns logits into the model's own probabilities."""

    SOFTMAX = "softmax"
    """The classes exclude each other: the probabilities sum to 1."""
    SIGMOID = "sigmoid"
    """Each class has a probability by itself."""

    def of(self, logits: "NDArray[Any]") -> "NDArray[np.float64]":
        """Return the probabilities (..., classes) of logits (..., classes)."""
        import numpy as np

        exact = logits.astype(np.float64)
        if self is Probabilities.SIGMOID:
            return np.exp(-np.logaddexp(0, -exact))  # 1 / (1 + exp(-x)) overflows
        powers = np.exp(exact - exact.max(axis=-1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
