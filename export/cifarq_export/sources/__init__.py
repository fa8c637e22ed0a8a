"""What can be exported, one kind a file.

Each makes a ``Source``: the FP32 model as it was trained, with what is needed to feed and check it.

checkpoint.py   what ``cifarq train`` wrote
factory.py      any PyTorch classifier: a function that builds it, and its weights
onnx_file.py    an ONNX classifier
onnx_input.py   what it takes, made one with what all take
normalisation.py    what is said of how images are normalised
opening.py      what the command line names becomes a Source
images.py       the images that calibrate, that check, and that travel along
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.errors import ExportError
from edge_runtime.measure.accuracy import Predict

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Source:
    """An FP32 classifier.

    Attributes:
        name: artifacts are called by it.
        input_shape: (C, H, W) of one image.
        classes: class names in the order of the logits.
        how: how images become what it takes; normalised by the runtime.
        predict: the model itself: (N, C, H, W) float32 -> logits (N, classes).
        module: the PyTorch module in eval mode on the CPU, or None.
        graph: the ONNX model, or None.
        batch: ``N``, or the one batch size that it takes.
        kind: what it is called in messages.
        changes: what was changed in the model that was given, a sentence each.
    """

    name: str
    input_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    how: Preprocessing
    predict: Predict
    module: "nn.Module | None" = None
    graph: Any = None
    batch: int | str = "N"
    kind: str = "FP32 PyTorch"
    changes: tuple[str, ...] = ()


def check_outputs(shape: tuple[int, ...], images: int, classes: int, *, given: str) -> None:
    """Refuse a model whose answer to ``images`` images is not one number for each class.

    Raises:
        ExportError: it answers something else.
    """
    if shape == (images, classes):
        return
    if len(shape) == 2 and shape[0] == images:
        raise ExportError(
            f"{given} has {shape[1]} outputs for {classes} classes.",
            f"Give a model with {classes} outputs (--model-arg num_classes={classes} for "
            "torchvision's), or name the classes of its outputs with --classes.",
        )
    raise ExportError(
        f"{given} answers a batch of {images} images with an array {shape}; a classifier answers "
        f"({images}, {classes})."
    )
