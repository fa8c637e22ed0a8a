"""The runtime as a library: images in, labels out, with the artifact of a bundle that fits here.

::

    from edge_runtime import Classifier

    classify = Classifier("seed-cnn-bundle")
    (answer,) = classify.predict(frame)         # (H, W, 3) uint8, RGB, of any size
    print(answer.label, answer.probability)
    for answer in classify.stream(camera):      # an answer for each frame, as it comes
        ...

Needs numpy, an engine, and Pillow where images are not of the model's size. It works from
``edge-bench.pyz`` too: nothing has to be installed where ``PYTHONPATH`` names that file.

OpenCV and picamera2's format "RGB888" give BGR: say ``color="BGR"``. Nobody can tell from the
pixels, and a model that sees blue for red is wrong more often, without an error.
"""

import itertools
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_runtime import engines
from edge_runtime.bundle import installing, integrity, manifest
from edge_runtime.bundle.manifest import Artifact
from edge_runtime.classify import choice, pixels, resize
from edge_runtime.classify.choice import Wish
from edge_runtime.classify.pixels import Color, Layout
from edge_runtime.engines import EngineMissingError
from edge_runtime.errors import BundleError, EngineError, UsageError, reason
from edge_runtime.probes import target
from edge_runtime.results.settings import MOST_BATCH, MOST_THREADS, require_count

_IMAGES_A_CALL = 16  # larger batches gain nothing on small CPUs, and hold more memory


@dataclass(frozen=True)
class Prediction:
    """What a model says of an image.

    Attributes:
        label: the most probable class.
        index: its place among the model's classes.
        probability: the model's own: how sure it claims to be, which is no measured frequency.
        top: the most probable classes, each with its probability, in falling order.
        preprocess_ns: time to scale, crop and normalise the image.
        model_ns: time in the engine; images of one call share it evenly.
    """

    label: str
    index: int
    probability: float
    top: tuple[tuple[str, float], ...]
    preprocess_ns: int
    model_ns: int


@dataclass(frozen=True)
class _Answers:
    """Of one call: logits (N, classes), N times of preprocessing, and the time of the call."""

    logits: NDArray[np.float32]
    preprocess_ns: list[int]
    model_ns: int


class Classifier:
    """A loaded artifact of a bundle. One thread at a time may use it.

    It runs in this very process, which an engine built for another CPU would end (SIGILL);
    ``edge-bench doctor`` tells.

    Without options it is the best that fits this CPU: INT8 with static ranges made for it, else
    dynamic INT8, else FP32; ONNX before TorchScript. It runs on the engine that checked it when it
    was exported, or else on another that reads its format and is installed. An artifact
    that failed a gate is taken where nothing else is there, and ``int8-dynamic-conv`` or another
    CPU's INT8 only by name.

    Args:
        bundle: the folder that ``cifarq-export`` wrote.
        precision: ``fp32``, ``int8-dynamic``, ``int8-static``, ...
        format: ``onnx``, ``torchscript``, ...
        artifact: the name of one file, instead of these two.
        results: what ``edge-bench --json`` measured of the bundle on this device: the fastest
            artifact, engine and settings in it are taken, under the limits it was measured with
            (``--max-size`` and the like).
        threads: of the engine.
        batch_size: images a call at most, where the artifact leaves that open. None: 16, but 1 for
            dynamic INT8, whose ranges come from the whole call: an image's answer would depend on
            those beside it.

    Attributes:
        artifact: what was chosen, as the manifest describes it.
        classes: names of the classes in the order of the logits.
        engine: the name of the engine that runs it.
        engine_version: its version.
        batch_size: images a call.

    Raises:
        BundleError: the bundle or the artifact is missing or damaged.
        EngineMissingError: no engine that it could run on is installed.
        EngineError: the engine cannot be imported, or refuses the artifact.
        UsageError: the bundle has nothing of that name, the results are of another device or tell
            nothing of it, or a number makes no sense.
    """

    def __init__(
        self,
        bundle: str | Path,
        *,
        precision: str | None = None,
        format: str | None = None,
        artifact: str | None = None,
        results: str | Path | None = None,
        threads: int = 1,
        batch_size: int | None = None,
    ) -> None:
        require_count("threads", threads, MOST_THREADS)
        if batch_size is not None:
            require_count("batch_size", batch_size, MOST_BATCH)
        folder, wish = Path(bundle), Wish(artifact, precision, format)
        content = manifest.read(folder)
        knobs: dict[str, str] = {}
        if results is not None:
            row = choice.fastest(content, wish, Path(results))
            self.engine, knobs = row.engine, row.knobs
            self.artifact = next(a for a in content.artifacts if a.sha256 == row.sha256)
            engines.require(self.engine)
        else:
            candidates = choice.candidates(content, wish, target.of_this_cpu())
            self.artifact, self.engine = _first_installed(candidates, folder, content)
        self._shape = _input_shape(self.artifact)
        self.batch_size, self._fixed = _images_a_call(self.artifact, batch_size)
        self.classes = content.classes
        self._how = content.preprocessing
        self._probabilities = content.probabilities
        self.engine_version = engines.version(self.engine)
        file = integrity.read(folder, self.artifact)
        options = engines.Options(threads, self.artifact.precision, knobs)
        self._session = engines.load(self.engine, file, self.artifact.file, options)

    def predict(
        self, images: Any, *, top: int = 1, color: str = Color.RGB, layout: str = Layout.HWC
    ) -> list[Prediction]:
        """Classify images of any size: scaled and cropped as the model's training images were.

        Args:
            images: uint8: (H, W, 3), grey (H, W) or (H, W, 1), with alpha (H, W, 4); a batch
                (N, H, W, 3); or a list of images of any sizes.
            top: how many classes ``Prediction.top`` holds; all, if there are fewer.
            color: order of the channels, ``RGB`` or ``BGR``.
            layout: ``HWC``, or ``CHW`` for (3, H, W) and (N, 3, H, W).

        Returns:
            A prediction for each image.

        Raises:
            DataError: the images are of another type or shape, or need Pillow, which is missing.
            EngineError: the engine fails on them.
            UsageError: ``top`` is below 1, or there is no such ``color`` or ``layout``.
        """
        _check_top(top)
        calls = self._calls(pixels.separate(images, color, layout))
        return [prediction for call in calls for prediction in self._predictions(call, top)]

    def stream(
        self,
        frames: Iterable[Any],
        *,
        top: int = 1,
        color: str = Color.RGB,
        layout: str = Layout.HWC,
    ) -> Iterator[Prediction]:
        """Classify frames one by one: yield a prediction as soon as a frame has come.

        Args:
            frames: single images, as ``predict`` takes them.
            top: as ``predict`` takes it; so ``color`` and ``layout``, and so what is raised.
            color: see there.
            layout: see there.
        """
        for frame in frames:
            yield from self.predict(frame, top=top, color=color, layout=layout)

    def logits(
        self, images: Any, *, color: str = Color.RGB, layout: str = Layout.HWC
    ) -> NDArray[np.float32]:
        """Return what the model answers before softmax or sigmoid: (N, classes) float32.

        The arguments and what is raised are those of ``predict``.
        """
        calls = self._calls(pixels.separate(images, color, layout))
        return np.concatenate([call.logits for call in calls])

    def _calls(self, images: list[NDArray[np.uint8]]) -> Iterator[_Answers]:
        """Yield the answers to images (C, H, W), call by call: only one's inputs are held."""
        for start in range(0, len(images), self.batch_size):
            yield self._call(images[start : start + self.batch_size])

    def _call(self, images: list[NDArray[np.uint8]]) -> _Answers:
        times = [time.perf_counter_ns()]
        channels, height, width = self._shape
        batch = np.empty((len(images), *self._shape), np.uint8)
        for place, image in zip(batch, images, strict=True):
            fitted = resize.fit(image, height, width, self._how.resize)
            # To a model of colours a grey image is one plane, which here becomes all three.
            place[:] = pixels.to_grey(fitted) if channels == 1 else fitted
            times.append(time.perf_counter_ns())
        if self._fixed and len(images) < self.batch_size:
            # Again the last image: it changes no range that a dynamic model takes from its batch.
            batch = batch[[min(i, len(images) - 1) for i in range(self.batch_size)]]
        inputs = self._how.apply(batch)
        ready = time.perf_counter_ns()
        logits = self._run(inputs)[: len(images)]
        done = time.perf_counter_ns()
        shared = (ready - times[-1]) // len(images)
        each = [after - before + shared for before, after in itertools.pairwise(times)]
        return _Answers(logits, each, done - ready)

    def _run(self, inputs: NDArray[Any]) -> NDArray[np.float32]:
        """Return the engine's logits for a batch (N, C, height, width) as the manifest wants it."""
        try:
            logits = np.asarray(self._session.run(inputs), dtype=np.float32)
        except Exception as error:  # engines' exceptions share no base class
            raise EngineError(
                f"{self.engine} fails on a batch {inputs.shape}: {reason(error)}"
            ) from error
        if logits.shape != (len(inputs), len(self.classes)):
            raise EngineError(
                f"{self.artifact.file} answers {logits.shape} to {len(inputs)} images, not "
                f"{len(self.classes)} logits each.",
                "Export the bundle again.",
            )
        if not np.isfinite(logits).all():
            raise EngineError(
                f"{self.artifact.file} answers no finite numbers here.",
                f"Try another version of {self.engine}, or another artifact.",
            )
        return logits

    def _predictions(self, call: _Answers, top: int) -> Iterator[Prediction]:
        shared = call.model_ns // len(call.logits)
        for logits, preprocess_ns in zip(call.logits, call.preprocess_ns, strict=True):
            probabilities = self._probabilities.of(logits)
            order = np.argsort(-logits, kind="stable")[:top]  # probabilities may tie at 1
            best = tuple((self.classes[i], float(probabilities[i])) for i in order)
            yield Prediction(*best[0][:1], int(order[0]), best[0][1], best, preprocess_ns, shared)


def _first_installed(
    candidates: list[Artifact], folder: Path, content: manifest.Manifest
) -> tuple[Artifact, str]:
    """Return the first artifact that an installed engine reads, and that engine's name.

    Raises:
        EngineMissingError: there is none.
        EngineError: an engine is installed and cannot be imported.
    """
    missing: dict[str, str] = {}
    for artifact in candidates:
        runners = engines.runners(artifact.format, artifact.engine)
        if not runners:  # of a later version
            missing[artifact.format] = f"no engine here reads the format {artifact.format!r}"
        for name in runners:
            try:
                script = installing.script_for(engines.get(name).REQUIRES, folder, content)
                engines.require(name, script)
            except EngineMissingError as error:
                if name == runners[0]:  # one way to run it is enough
                    missing[name] = str(error)
            else:
                return artifact, name
    raise EngineMissingError("; or ".join(missing.values()))


def _input_shape(artifact: Artifact) -> tuple[int, int, int]:
    """Return the channels, height and width that a model takes."""
    match artifact.input.shape:
        case (_, 1 | 3 as channels, int() as height, int() as width) if height > 0 and width > 0:
            return channels, height, width
    raise BundleError(
        f"{artifact.file} takes {artifact.input.shape}; a classifier of images takes "
        "(N, 3, height, width), or (N, 1, height, width) of grey ones.",
        "Export the bundle again.",
    )


def _images_a_call(artifact: Artifact, wanted: int | None) -> tuple[int, bool]:
    """Return how many images a call takes at most, and whether it takes neither more nor fewer."""
    fixed = artifact.input.shape[0]
    if isinstance(fixed, int):
        if wanted not in (None, fixed) or fixed < 1:
            raise UsageError(
                f"batch_size is {wanted}; {artifact.file} takes {fixed} images a call."
            )
        return fixed, True
    if wanted is None:
        wanted = 1 if artifact.precision.startswith("int8-dynamic") else _IMAGES_A_CALL
    return wanted, False


def _check_top(top: int) -> None:
    if top < 1:
        raise UsageError(f"top is {top}.", "Give 1 or more.")
