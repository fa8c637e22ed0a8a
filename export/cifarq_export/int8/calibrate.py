"""Calibration: the range of every activation of an FP32 ONNX model, over real images.

The images run through the model in small batches and only a histogram of each tensor is kept, so
memory does not grow with their number. Found ranges are cached by model, images and settings.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from cifarq.data import packs
from cifarq.data.labelled import LabelledImages
from cifarq_export.int8 import cache, onnx_graph, runtime, thresholds
from cifarq_export.int8.cache import Cache
from edge_runtime.bundle.manifest import CalibrationRecord
from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.errors import DataError, ExportError

MIN_IMAGES = 16
"""Below this a range is an accident of the draw. ONNX Runtime's own guide asks for 100 and more."""

FEW_IMAGES = 100

_BATCH = 8
_BATCH_BYTES = 2**28
"""Every activation of a batch is in memory at once: so many images, as long as they fit into this.

A collector that keeps all of them fills 200 GB (onnxruntime#21979).
"""

Range = tuple[float, float]
Ranges = dict[str, Range]


@dataclass(frozen=True)
class Calibration:
    """What ranges are found from.

    Attributes:
        images: of the train part; labels are not looked at.
        method: one of ``thresholds.METHODS``.
        alternatives: other methods that may be tried where this one loses accuracy.
    """

    images: LabelledImages
    method: str = "minmax"
    alternatives: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.images) < MIN_IMAGES:
            raise DataError(
                f"{len(self.images)} calibration images are too few to find ranges from.",
                f"Give {MIN_IMAGES} or more with --calibration-images and --data-dir, or leave "
                "int8-static out with --precision.",
            )
        pixels = self.images.images
        if (pixels == pixels[:1]).all() or (pixels == pixels[:, :1, :1, :1]).all():
            raise DataError(
                "the calibration images are constant: no range can be found from them.",
                "Check the train images in --data-dir.",
            )

    def record(self) -> CalibrationRecord:
        """Return its entry in the manifest."""
        pack = packs.PACKS["calibration"]
        return CalibrationRecord(self.method, len(self.images), pack.part, pack.seed)


def ranges(
    model: Any,
    calibration: Calibration,
    how: Preprocessing,
    batch: int | str = "N",
    *,
    found: Cache | None = None,
    progress: Callable[[int], object] = lambda images: None,
) -> Ranges:
    """Return the range of each float activation.

    Args:
        model: FP32, standard operators only (see ``runtime.fold``).
        calibration: images and method.
        how: how images become its input.
        batch: its batch size if that is fixed, else ``N``.
        found: where found ranges are kept; the user's cache if None.
        progress: called with the number of images that went through; each goes through up to twice.

    Returns:
        Tensor name -> (low, high), low <= 0 <= high, rounded outwards to 6 digits: the last bits
        differ between CPUs of one class.

    Raises:
        ExportError: an activation is not finite.
    """
    found = found or cache.of_user()
    said = (calibration.method, thresholds.VERSION, repr(how))
    key = cache.key_of(model, calibration.images.images.tobytes(), *said)
    tensors = float_activations(model)
    for content in found.contents(key):
        if (known := _read(content, tensors)) is not None:
            progress(len(calibration.images) * thresholds.PASSES[calibration.method])
            return known
    measured = _measure(model, tensors, calibration, how, batch, progress)
    found.write(key, measured)
    return measured


def float_activations(model: Any) -> list[str]:
    """Return the names of all float32 tensors that depend on the input, in graph order."""
    inferred = onnx.shape_inference.infer_shapes(model).graph
    kinds = {v.name: v.type.tensor_type.elem_type for v in (*inferred.value_info, *inferred.output)}
    depends = {model.graph.input[0].name}
    names = []
    if model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
        names.append(model.graph.input[0].name)
    for node in model.graph.node:
        if depends.isdisjoint(node.input):
            continue
        outputs = [name for name in node.output if name]
        depends.update(outputs)
        float_kinds = (onnx.TensorProto.FLOAT, None)  # what is not inferred is asked at run time
        names += [name for name in outputs if kinds.get(name) in float_kinds]
    return names


def _measure(
    model: Any,
    tensors: list[str],
    calibration: Calibration,
    how: Preprocessing,
    batch: int | str,
    progress: Callable[[int], object],
) -> Ranges:
    tapped, outputs = tap(model, tensors)
    input_name = model.graph.input[0].name
    images = calibration.images.images

    def run(given: NDArray[np.float32]) -> list[NDArray[Any]]:
        values: list[NDArray[Any]] = tapped.inner.run(outputs, {input_name: given})
        return values

    if isinstance(batch, int):
        size = batch
    else:
        one = run(how.apply(images[:1]))
        size = fitting(sum(value.nbytes for value in one), _BATCH, _BATCH_BYTES)

    def batches() -> Iterator[dict[str, NDArray[np.float32]]]:
        for number, given in enumerate(inputs(images, how, size)):
            values = run(given)
            yield {
                name: value
                for name, value in zip(tensors, values, strict=True)
                if value.dtype == np.float32 and value.size
            }
            progress(min(size, len(images) - number * size))

    limits_of = thresholds.METHODS[calibration.method](batches)
    for name, limits in limits_of.items():
        if not np.isfinite(limits).all():
            raise ExportError(
                f"calibration: {name} is not finite on some image: the model overflows.",
                "Check its weights, --mean and --std.",
            )
    return {name: _round_outwards(*limits) for name, limits in limits_of.items()}


def inputs(
    images: NDArray[np.uint8], how: Preprocessing, size: int
) -> Iterator[NDArray[np.float32]]:
    """Yield images as a model takes them, ``size`` at once; the last batch is filled up."""
    for start in range(0, len(images), size):
        part = images[start : start + size]
        short = size - len(part)
        yield how.apply(np.concatenate([part, images[:short]]) if short else part)


def fitting(image_bytes: int, most: int, limit_bytes: int) -> int:
    """Return how many images of a size go into a limit: at least 1, and no more than ``most``."""
    return max(1, min(most, limit_bytes // image_bytes))


def tap(model: Any, tensors: list[str]) -> tuple[Any, list[str]]:
    """Return a session whose outputs are these tensors of a model, and the outputs' names."""
    tapped = onnx_graph.copy_model(model)
    del tapped.graph.output[:]
    outputs = list(tensors)
    if (name := model.graph.input[0].name) in tensors:  # an input cannot be an output too
        outputs[tensors.index(name)] = seen = f"{name}_seen"
        tapped.graph.node.append(onnx.helper.make_node("Identity", [name], [seen], seen))
    tapped.graph.output.extend(onnx.ValueInfoProto(name=name) for name in outputs)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = runtime.BASIC
    opened = runtime.open_model(tapped, "the model with its activations as outputs", options)
    return opened, outputs


def _round_outwards(low: float, high: float) -> Range:
    """Round away from zero to 6 digits, and let the range hold zero: padding is zero."""

    def round_up(value: float) -> float:
        if value == 0:
            return 0.0
        digit = 10.0 ** (np.floor(np.log10(abs(value))) - 5)
        return float(f"{np.sign(value) * np.ceil(abs(value) / digit * (1 - 1e-9)) * digit:.6g}")

    return round_up(min(low, 0.0)), round_up(max(high, 0.0))


def _read(content: Any, tensors: list[str]) -> Ranges | None:
    """Return what a cache holds, or None where it is not what this code wrote."""
    try:
        known = {name: (float(low), float(high)) for name, (low, high) in content.items()}
    except (ValueError, TypeError, AttributeError):
        return None
    finite = all(np.isfinite(pair).all() and pair[0] <= 0 <= pair[1] for pair in known.values())
    return known if finite and set(known) <= set(tensors) and known else None
