"""The canonical model: whatever a classifier answers, the ``Source`` made of it answers logits.

Softmax or sigmoid of them, as ``Source.probabilities`` says, are the model's own probabilities.
Nothing after this has to know what else there is.
"""

from dataclasses import replace

from cifarq.data.labelled import LabelledImages
from cifarq.evaluation.evaluate import torch_predictor
from cifarq_export.int8 import runtime
from cifarq_export.sources import Source
from cifarq_export.sources.outputs import module as module_output
from cifarq_export.sources.outputs import onnx as onnx_output
from cifarq_export.sources.outputs.meaning import Meaning, recognise
from edge_runtime.bundle.probabilities import Probabilities

_CUT = "The {} at the model's end is left out of the artifacts: the runtime computes it."
_COMPUTED = (
    "The model answers {}: the artifacts answer logits, and the runtime computes the probabilities."
)
_TWO_CLASSES = (
    "The model's one output decides between two classes: the artifacts answer its logit for {1}, "
    "and 0 for {0}."
)


def make_canonical(source: Source, images: LabelledImages) -> Source:
    """Return a source that answers logits (N, classes): the same one if it does already.

    Args:
        source: answers numbers (N, classes), or (N, 1) for two classes.
        images: real ones; what the numbers are is told from the answers to them.
    """
    meaning, width = recognise(source, images)
    if meaning is Meaning.LOGITS and width == len(source.classes):
        return source
    changed, is_cut = _answer_logits(source, width, meaning)
    each = Probabilities.SOFTMAX
    if width == 1:
        change = _TWO_CLASSES.format(*source.classes)
    else:
        each = Probabilities.SIGMOID if meaning is Meaning.INDEPENDENT else each
        change = _CUT.format(each) if is_cut else _COMPUTED.format(meaning)
    return replace(changed, changes=(*source.changes, change), probabilities=each)


def _answer_logits(source: Source, width: int, meaning: Meaning) -> tuple[Source, bool]:
    """Return a source of logits, and whether the operator that made probabilities was cut off."""
    if source.graph is None:
        assert source.module is not None
        module = module_output.answer_logits(source.module, width, meaning)
        return replace(source, module=module, predict=torch_predictor(module)), False
    graph, is_cut = onnx_output.answer_logits(source.graph, width, meaning, source.batch)
    predict = runtime.open_model(graph, source.kind).run
    return replace(source, graph=graph, predict=predict), is_cut
