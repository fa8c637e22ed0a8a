"""Top-1 with its interval, for checkpoints and exported artifacts, by one function.

``subjects`` opens whatever a path names, ``evaluate`` measures it: a checkpoint and an artifact
differ only in the callable that maps a batch to logits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cifarq import checkpoint, quantize
from cifarq.data.labelled import LabelledImages
from cifarq.evaluation import confusion as confusions
from cifarq.factory import Factory
from edge_runtime import engines
from edge_runtime.bundle import integrity, manifest
from edge_runtime.bundle.location import artifacts_at
from edge_runtime.bundle.preprocess import Channels, Preprocessing
from edge_runtime.classify.resize import Resize
from edge_runtime.documents.values import to_json
from edge_runtime.errors import DataError, EngineError
from edge_runtime.measure import accuracy
from edge_runtime.measure.accuracy import Predict
from edge_runtime.results.statistics import Estimate


@dataclass(frozen=True)
class Subject:
    """Something that classifies.

    Attributes:
        name: what to call it in a table.
        predict: batch (N, C, H, W), as ``how`` makes it -> logits (N, classes).
        classes: class names in the order of the logits.
        how: what makes a batch of images.
        input_shape: (C, H, W) of one image.
    """

    name: str
    predict: Predict
    classes: tuple[str, ...]
    how: Preprocessing
    input_shape: tuple[int | str, ...]

    @property
    def resize(self) -> Resize | None:
        """What brings images to its size; None where it takes them as they are."""
        _, height, width = self.input_shape
        if self.how.resize is None or not (isinstance(height, int) and isinstance(width, int)):
            return None
        return Resize(self.how.resize, height, width)


@dataclass(frozen=True)
class Evaluation:
    """What a subject came to: top-1 (0-1) with its 95 % interval, over so many images."""

    name: str
    images: int
    top1: Estimate
    classes: tuple[str, ...]
    confusion: NDArray[np.int64]
    """(classes, classes): rows are labels, columns are answers."""

    def to_json(self) -> dict[str, Any]:
        """Return the evaluation as JSON values."""
        return {
            "name": self.name,
            "images": self.images,
            "top1": to_json(self.top1),
            **confusions.values(self.confusion, self.classes),
        }


def subjects(path: Path, *, factory: Factory | None = None, threads: int = 1) -> list[Subject]:
    """Open a checkpoint folder, a bundle, or one artifact inside a bundle.

    Args:
        path: what to open.
        factory: the function that builds a checkpoint's model, if it is not one of ours.
        threads: for exported artifacts; PyTorch checkpoints use its own default.

    Raises:
        CheckpointError, BundleError: it is damaged or none of these.
        EngineError: an artifact's engine is missing or refuses it.
    """
    bundle = path.parent if path.is_file() else path
    if not (bundle / manifest.FILE).is_file():
        return [_checkpoint_subject(path, factory)]
    bundle, content, artifacts = artifacts_at(path)
    return [_artifact_subject(bundle, content, artifact, threads) for artifact in artifacts]


def _checkpoint_subject(path: Path, factory: Factory | None) -> Subject:
    loaded = checkpoint.load(path)
    predict = torch_predictor(loaded.model(factory))
    how = Preprocessing(loaded.mean, loaded.std, resize=loaded.resize)
    return Subject(f"{path} (PyTorch)", predict, loaded.classes, how, loaded.input_shape)


def _artifact_subject(
    bundle: Path, content: manifest.Manifest, artifact: manifest.Artifact, threads: int
) -> Subject:
    file = integrity.read(bundle, artifact)
    options = engines.Options(threads, artifact.precision)
    session = engines.load(_engine_for(artifact), file, artifact.file, options)
    return Subject(
        str(bundle / artifact.file),
        session.run,
        content.classes,
        content.preprocessing,
        artifact.input.shape[1:],
    )


def _engine_for(artifact: manifest.Artifact) -> str:
    """Return the first installed engine that reads an artifact, the checking one first.

    Raises:
        EngineError: no engine reads the format.
    """
    runners = engines.runners(artifact.format, artifact.engine)
    if not runners:
        raise EngineError(f"{artifact.file}: no engine here reads the format {artifact.format!r}.")
    return next(filter(engines.is_installed, runners), runners[0])


def evaluate(
    subject: Subject,
    images: LabelledImages,
    classes: tuple[str, ...],
    *,
    batch_size: int = 1,
    progress: Callable[[int], object] = lambda count: None,
) -> Evaluation:
    """Measure how often a subject is right.

    Args:
        subject: what to measure.
        images: on which images.
        classes: the data set's class names.
        batch_size: images a call; dynamic INT8's answers depend on it.
        progress: called with the number of images done since the last call.

    Raises:
        DataError: the subject was trained for other classes.
        EngineError: it does not answer finite numbers.
    """
    if subject.classes != classes:
        raise DataError(
            f"{subject.name} knows {len(subject.classes)} classes "
            f"({', '.join(subject.classes[:4])}, ...), the data set has {len(classes)} "
            f"({', '.join(classes[:4])}, ...).",
            "Give the data it was trained for with --data-dir.",
        )
    if subject.how.color is Channels.GREY:
        images = images.to_grey()
    if subject.input_shape != images.images.shape[1:]:
        raise DataError(
            f"{subject.name} takes images of shape {subject.input_shape}, the data set has "
            f"{images.images.shape[1:]}.",
            "Give the data it was trained for with --data-dir.",
        )
    logits = accuracy.logits_of(
        subject.predict,
        images.images,
        subject.how,
        batch_size=batch_size,
        progress=progress,
    )
    if not np.isfinite(logits).all():
        raise EngineError(
            f"{subject.name} does not answer finite numbers to all images.",
            "Its weights or its normalisation cannot be right: train or export it again.",
        )
    matrix = confusions.count(images.labels, logits.argmax(axis=1), len(classes))
    top1 = accuracy.top1(logits, images.labels)
    return Evaluation(subject.name, len(images), top1, classes, matrix)


def torch_predictor(model: nn.Module) -> Predict:
    """Wrap a PyTorch module as batch (N, C, H, W) float32 -> logits (N, classes), in eval mode."""
    model.eval()
    device = next((p.device for p in model.parameters()), torch.device("cpu"))

    def predict(batch: NDArray[np.float32]) -> NDArray[Any]:
        with torch.inference_mode():
            logits: NDArray[Any] = model(torch.from_numpy(batch).to(device)).float().cpu().numpy()
            return logits

    return predict


def eager_session(folder: str, precision: str = "fp32", threads: int = 1) -> Predict:
    """Load a checkpoint to run as PyTorch code: a loader for the exporter's interleaving.

    Args:
        folder: the checkpoint.
        precision: ``fp32``, or ``int8-dynamic``, quantized in memory.
        threads: for PyTorch.
    """
    torch.set_num_threads(threads)
    model = checkpoint.load(Path(folder)).model()
    return torch_predictor(quantize.dynamic_int8(model) if precision == "int8-dynamic" else model)
