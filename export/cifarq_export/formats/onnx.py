"""ONNX: one file with its weights inside, a dynamic batch, and no trace of this machine.

PyTorch's quantized modules cannot be exported: FP32 is written, and quantized from there.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

from cifarq_export.formats import INPUT_NAME, OUTPUT_NAME, STATIC, Recipe, Written
from cifarq_export.int8 import cache, calibrate, exact, learned, onnx_graph, qdq, runtime
from cifarq_export.int8.defaults import omit_defaults
from cifarq_export.int8.hard import expand_hard
from cifarq_export.int8.short_names import shorten_names
from cifarq_export.int8.static import Static
from cifarq_export.sources import Source
from edge_runtime.bundle.manifest import CalibrationRecord
from edge_runtime.bundle.preprocess import NormalisedBy
from edge_runtime.errors import ExportError, reason
from edge_runtime.files import write_bytes
from edge_runtime.measure.accuracy import Predict

ORDER = 1
SUFFIX = ".onnx"
PRECISIONS = ("fp32", "int8-dynamic", STATIC, "int8-dynamic-conv")

_BIAS_IMAGES = 256
_BIAS_BATCH = 8

_DYNAMIC_OPS = {
    "int8-dynamic": ["MatMul", "Gemm"],
    "int8-dynamic-conv": ["MatMul", "Gemm", "Conv"],
}


def can_write(source: Source) -> bool:
    """Say whether a source can be written as ONNX: a PyTorch module or an ONNX model can."""
    return source.module is not None or source.graph is not None


def write(source: Source, precision: str, path: Path, recipe: Recipe) -> Written:
    """Write an ONNX file."""
    fp32_file = fp32(source, recipe)
    calibration = None
    if precision == "fp32":
        model = onnx.load(fp32_file)
    elif precision == STATIC:
        model = static(source, recipe).quantize(recipe.keep_fp32, recipe.faster_fp32)
        omit_defaults(model)
        shorten_names(model)
        calibration = record(source, recipe)
    else:
        model = _quantize_dynamic(fp32_file, recipe.scratch / f"{precision}.onnx", precision)
    write_bytes(path, model.SerializeToString(deterministic=True))
    graph = model.graph
    return Written(
        input=graph.input[0].name,
        output=graph.output[0].name,
        calibration=calibration,
        opset=onnx_graph.opset(model),
        ir_version=model.ir_version,
    )


def record(source: Source, recipe: Recipe) -> CalibrationRecord:
    """Return what the manifest says of where the ranges come from."""
    if source.learned:
        qat = source.learned.qat
        return CalibrationRecord("learned", qat.images, "train", qat.seed)
    assert recipe.calibration is not None
    return replace(recipe.calibration.record(), corrected_biases=recipe.correct_biases)


def reference(path: Path) -> Predict:
    """Open a quantized artifact in arithmetic that saturates on no CPU."""
    return runtime.open_model(exact.make_unsigned(onnx.load(path)), path.name).run


def static(source: Source, recipe: Recipe) -> Static:
    """Return what static INT8 is made from; its layers are nodes of the folded graph."""
    return static_of(expand_hard(static_base(source, recipe)), source, recipe)


def static_of(
    folded: Any, source: Source, recipe: Recipe, kernels: qdq.Kernels = qdq.ONNX_RUNTIME
) -> Static:
    """Return what static INT8 is made from.

    Args:
        folded: the FP32 model.
        source: what is exported.
        recipe: how it is to be.
        kernels: what is quantized.
    """
    if source.learned:
        return learned.static(folded, source.learned.ranges, recipe.target)
    ranges = static_ranges(folded, source, recipe)
    plain = Static(folded, ranges, recipe.target, kernels)
    return _correct_biases(plain, source, recipe) if recipe.correct_biases else plain


def _correct_biases(plain: Static, source: Source, recipe: Recipe) -> Static:
    """Correct biases once for all trials of an export: each would pass over the images again."""
    assert recipe.calibration is not None
    images = recipe.calibration.images.images[:_BIAS_IMAGES]
    key = cache.key_of(plain.model, images.tobytes(), recipe.target, repr(recipe.how))
    path = recipe.scratch / f"corrected-{key}.onnx"
    if not path.exists():
        size = source.batch if isinstance(source.batch, int) else _BIAS_BATCH
        corrected = plain.correct_biases(calibrate.inputs(images, recipe.how, size))
        write_bytes(path, corrected.model.SerializeToString(deterministic=True))
    return replace(plain, model=onnx.load(path))


def static_base(source: Source, recipe: Recipe) -> Any:
    """Return the folded FP32 model that static INT8 starts from."""
    path = recipe.scratch / "folded.onnx"
    if not path.exists():
        model = runtime.fold(onnx.load(fp32(source, recipe)), recipe.scratch)
        write_bytes(path, model.SerializeToString(deterministic=True))
    return onnx.load(path)


def static_ranges(folded: Any, source: Source, recipe: Recipe) -> calibrate.Ranges:
    """Return the folded model's activation ranges on the recipe's calibration images."""
    assert recipe.calibration is not None
    return calibrate.ranges(
        folded,
        recipe.calibration,
        recipe.how,
        source.batch,
        found=cache.of_user(recipe.scratch),
        progress=recipe.progress,
    )


def fp32(source: Source, recipe: Recipe) -> Path:
    """Write the FP32 model once for all artifacts of an export."""
    path = recipe.scratch / "fp32.onnx"
    if not path.exists():
        model = onnx_graph.prepare(source.graph if source.graph else _export(source))
        if recipe.how.normalised_by is NormalisedBy.ARTIFACT:
            model = onnx_graph.add_normalisation(model, recipe.how)
        write_bytes(path, model.SerializeToString(deterministic=True))
    return path


def _export(source: Source) -> Any:
    # A batch of 2: with 1 the exporter takes the batch for a constant (pytorch#157621).
    example = torch.zeros(2, *source.input_shape)
    assert source.module is not None
    with _silence():
        try:
            program = torch.onnx.export(
                source.module,
                (example,),
                dynamo=True,
                external_data=False,
                opset_version=onnx_graph.OPSET,
                input_names=[INPUT_NAME],
                output_names=[OUTPUT_NAME],
                dynamic_shapes=({0: torch.export.Dim("N")},),
                verbose=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            raise ExportError(
                f"PyTorch cannot export this model to ONNX: {reason(error)}"
            ) from error
    assert program is not None
    return program.model_proto


def _quantize_dynamic(fp32: Path, path: Path, precision: str) -> Any:
    with _silence():
        quantize_dynamic(
            fp32,
            path,
            op_types_to_quantize=_DYNAMIC_OPS[precision],
            weight_type=QuantType.QInt8,
            per_channel=False,
        )
    return onnx_graph.prepare(onnx.load(path))


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Silence what the exporters print and warn of; errors are raised all the same."""
    root = logging.getLogger()
    level = root.level
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        root.setLevel(logging.ERROR)
        try:
            yield
        finally:
            root.setLevel(level)
