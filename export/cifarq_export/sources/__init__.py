"""What can be exported, one kind a file.

Each makes a ``Source``: the FP32 model as it was trained, with what is needed to feed and check it.

request.py        what the command line says of a model
opening.py        what it names becomes a Source
checkpoint.py     what ``cifarq train`` wrote
factory.py        any PyTorch classifier: a function that builds it, and its weights
timm_model.py     a timm model by its name: what factory.py is asked for
deployed_form.py  branches of a PyTorch model that one layer can compute, merged
onnx_file.py      an ONNX classifier
onnx_trial.py     whether opening one comes to an end, tried in a process of its own
onnx_input.py     what it takes, made one with what all take
normalisation.py  what is said of how images are normalised
images.py         the images that calibrate, that check, and that travel along
outputs/          what a model answers, and how it comes to answer logits
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.bundle.probabilities import Probabilities
from edge_runtime.measure.accuracy import Predict

if TYPE_CHECKING:
    from torch import nn

    from cifarq.learned_ranges import Learned


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
        probabilities: what turns its logits into probabilities.
        checkpoint: the folder that one of our models was read from, which ``cifarq train --qat``
            can train on; None of others.
        learned: its activation ranges, where quantization-aware training learned them.
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
    probabilities: Probabilities = Probabilities.SOFTMAX
    checkpoint: Path | None = None
    learned: "Learned | None" = None
