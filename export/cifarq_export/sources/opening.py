"""What the command line names becomes a ``Source``, with the data its images come from."""

from dataclasses import dataclass, replace

from cifarq import models
from cifarq.data import cifar10, datasets
from cifarq.factory import Factory, parse
from cifarq_export.sources import (
    Source,
    checkpoint,
    deployed_form,
    factory,
    onnx_file,
    onnx_trial,
    timm_model,
)
from cifarq_export.sources.images import Gatherer
from cifarq_export.sources.normalisation import Normalisation
from cifarq_export.sources.request import SourceRequest, class_names
from edge_runtime.bundle.preprocess import Channels

_DEFAULT_MODEL = "seed-cnn"


@dataclass(frozen=True)
class Opened:
    """A model that can be exported.

    Attributes:
        source: the model.
        gatherer: where its images come from.
        notes: what was assumed about the model, a sentence each.
    """

    source: Source
    gatherer: Gatherer
    notes: tuple[str, ...] = ()


def open_source(request: SourceRequest) -> Opened:
    """Open the model that was named, and the data its images come from.

    Raises:
        ToolkitError: either cannot be used.
    """
    request, taken = _complete(request)
    gatherer = Gatherer(request.data_dir, request.resizing)
    if request.is_checkpoint:
        source, assumed = _open_checkpoint(request), ""
        gatherer = Gatherer(request.data_dir, request.resizing or source.how.resize)
    else:
        normalisation = _normalisation(request, gatherer)
        source = _open_foreign(request, gatherer, normalisation)
        assumed = normalisation.note(source.how)
    kept = ""
    if request.is_module and not request.keep_branches:
        source, kept = deployed_form.deploy(source)
    source = replace(source, name=request.name or request.architecture or source.name)
    return Opened(source, gatherer, tuple(filter(None, (taken, assumed, kept))))


def _complete(request: SourceRequest) -> tuple[SourceRequest, str]:
    """Return a request with what timm knows of its model, and what was taken from there."""
    if request.timm_name is None:
        return request, ""
    known = timm_model.defaults(request.timm_name, request.input_shape, request.resize)
    taken = {name: value for name, value in known.items() if getattr(request, name) is None}
    return replace(request, **taken), timm_model.describe(request.timm_name, taken)


def _open_checkpoint(request: SourceRequest) -> Source:
    folder = request.checkpoint or models.pretrained(_DEFAULT_MODEL)
    assert folder is not None
    named = Factory(request.factory, request.model_args) if request.factory else None
    return checkpoint.source(folder, named)


def _normalisation(request: SourceRequest, gatherer: Gatherer) -> Normalisation:
    parts = gatherer.parts
    ours = (parts.name, parts.classes) == (cifar10.NAME, cifar10.CLASSES)
    default = ("CIFAR-10", cifar10.MEAN, cifar10.STD) if ours else ("ImageNet", *datasets.IMAGENET)
    color = Channels(request.color) if request.color else None
    return Normalisation(default, request.mean, request.std, color)


def _open_foreign(
    request: SourceRequest, gatherer: Gatherer, normalisation: Normalisation
) -> Source:
    classes = class_names(request.classes) if request.classes else gatherer.parts.classes
    if request.onnx_file is not None:
        onnx_trial.require_end(request.onnx_file, len(classes), request.input_shape, request.output)
        return onnx_file.source(
            request.onnx_file, classes, normalisation, request.input_shape, request.output
        )
    assert request.input_shape is not None
    function, given = request.factory, parse(request.model_args)
    if request.timm_name is not None:
        function = timm_model.FACTORY
        given = timm_model.arguments(request.timm_name, given, request.input_shape, len(classes))
    assert function is not None
    return factory.source(
        function,
        given,
        request.weights,
        input_shape=request.input_shape,
        classes=classes,
        how=normalisation.preprocessing(request.input_shape[0]),
        output=request.output,
    )
