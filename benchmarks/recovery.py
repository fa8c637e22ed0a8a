"""What ways to recover the accuracy of static INT8 are worth, on one network after the other.

    python benchmarks/recovery.py --data-dir DIR

    python benchmarks/recovery.py --data-dir DIR --model torchvision.models:mobilenet_v2 \
        --weights mobilenet_v2.safetensors --size 32

measures the shipped seed CNN, or a network trained on CIFAR-10, and puts what it finds beside other
networks' in ``benchmarks/results/recovery.json`` and ``recovery.md``; a network that was measured
with the same weights is not measured again (``--anew`` does).

Beside the ways, two halves of a quantization tell what better rounding or ranges could win at most.
Each is compared by how many images it puts in FP32's class, on calibration images, which an
export may choose by, and on validation images, which it may not. What pays is in
``cifarq_export/check/recovery.py``; what does not is in this file alone.
"""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import recovery_equalization
import recovery_halves

HERE = Path(__file__).resolve().parent
WAYS = {
    "minmax": "smallest and largest value",
    "percentile": "all but a hundred-thousandth",
    "entropy": "least information lost",
    "mse": "least squared error",
    "bias": "minmax, biases corrected for the rounding of weights",
    "bias, measured": "minmax, biases corrected by the measured mean error of each layer",
    "equalized": "minmax, weights equalized from layer to layer",
    "FP32 weights": "minmax, activations alone in INT8: no rounding of weights can win more",
    "FP32 activations": "weights alone in INT8: no ranges of activations can win more",
}
SCHEMA = 2
CALIBRATION, VALIDATION = 256, 1_000
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BATCH = 16


@click.command(help=__doc__)
@click.option("--data-dir", type=click.Path(path_type=Path), help="CIFAR-10's folder.")
@click.option("--model", help="PACKAGE.MODULE:FUNCTION; the shipped seed CNN if none is given.")
@click.option("--weights", type=click.Path(path_type=Path), help="Its weights, .safetensors.")
@click.option("--size", default=32, show_default=True, help="Pixels of a side.")
@click.option("--target", default="x86-vnni", show_default=True)
@click.option("--anew", is_flag=True, help="Measure again what was measured.")
@click.option("--out", default=HERE / "results", type=click.Path(path_type=Path))
def main(
    data_dir: Path | None,
    model: str | None,
    weights: Path | None,
    size: int,
    target: str,
    anew: bool,
    out: Path,
) -> None:
    """Measure a network, add it to the JSON file, draw the report."""
    from edge_runtime.files import sha256_of, write_text

    out.mkdir(parents=True, exist_ok=True)
    record = out / "recovery.json"
    known = json.loads(record.read_text()) if record.exists() else {}
    if known.get("schema") != SCHEMA:  # other ways were compared then
        known = {"schema": SCHEMA, "networks": {}}
    source = _source(model, weights, size)
    name = f"{source.name}, {size} pixels, {target}"
    digest = sha256_of(weights) if weights else "shipped"
    if anew or known["networks"].get(name, {}).get("weights") != digest:
        found = measure(source, data_dir, size, target)
        known["networks"][name] = {"weights": digest, **found}
        write_text(record, json.dumps(known, indent=1) + "\n")
    write_text(out / "recovery.md", markdown(known))
    click.echo(markdown(known))


def _source(model: str | None, weights: Path | None, size: int) -> Any:
    from cifarq import models
    from cifarq.data import cifar10
    from cifarq_export.sources import checkpoint, factory
    from edge_runtime.bundle.preprocess import Preprocessing

    if model is None:
        folder = models.pretrained("seed-cnn")
        assert folder is not None
        return checkpoint.source(folder)
    return factory.source(
        *(model, {"num_classes": len(cifar10.CLASSES)}, weights),
        input_shape=(3, size, size),
        classes=cifar10.CLASSES,
        how=Preprocessing(MEAN, STD),
    )


def measure(source: Any, data_dir: Path | None, size: int, target: str) -> dict[str, Any]:
    """Quantize in every way; return how many images keep FP32's class, JSON values only."""
    from cifarq_export.check import baseline
    from cifarq_export.sources.images import Gatherer
    from edge_runtime.bundle.resizing import Resizing

    resizing = None if size == 32 else Resizing(size)
    images = Gatherer(data_dir, resizing).gather(
        source.classes,
        source.input_shape,
        calibration_images=CALIBRATION,
        validation_images=VALIDATION,
    )
    parts = {part: getattr(images, part) for part in ("calibration", "validation")}
    fp32 = {part: baseline.answer(source, held) for part, held in parts.items()}
    ways = {}
    with tempfile.TemporaryDirectory() as folder:
        for way, model in _models(source, images.calibration, target, Path(folder)):
            run = _open(model, plainly=way.startswith("FP32"))
            ways[way] = {part: _same_class(run, source, one) for part, one in fp32.items()}
    right = fp32["validation"].top1.value
    return {"fp32_top1": round(right, 4), "images": _counts(parts), "same_class": ways}


def _counts(parts: dict[str, Any]) -> dict[str, int]:
    return {part: len(images) for part, images in parts.items()}


def _open(model: Any, *, plainly: bool) -> Any:
    """Open an INT8 model: images -> logits.

    Args:
        model: the model.
        plainly: without optimisation, which would quantize a half that is FP32.
    """
    from cifarq_export.int8 import exact, runtime

    options = _unoptimised() if plainly else None
    return runtime.open_model(exact.make_unsigned(model), "the INT8 model", options).run


def _unoptimised() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return options


def _same_class(run: Any, source: Any, fp32: Any) -> int:
    from cifarq_export.check import baseline
    from edge_runtime.measure import accuracy

    size = baseline.batch_size(source)
    logits = accuracy.logits_of(run, fp32.images.images, source.how, batch_size=size)
    return int((logits.argmax(1) == fp32.logits.argmax(1)).sum())


def _models(source: Any, images: Any, target: str, scratch: Path) -> Iterator[tuple[str, Any]]:
    """Yield each way's INT8 model."""
    from cifarq_export.formats import Recipe
    from cifarq_export.formats import onnx as onnx_format
    from cifarq_export.int8 import calibrate, qdq, thresholds
    from cifarq_export.int8.cache import Cache
    from cifarq_export.int8.static import Static

    base = onnx_format.static_base(source, Recipe(source.how, target, scratch))
    cache = Cache((scratch,))
    ranges = {}
    for method in thresholds.METHODS:
        calibration = calibrate.Calibration(images, method)
        ranges[method] = calibrate.ranges(base, calibration, source.how, source.batch, found=cache)
        yield method, qdq.quantize(base, ranges[method], target)
    plain = Static(base, ranges["minmax"], target)
    batches = calibrate.inputs(images.images, source.how, _BATCH)
    yield "bias", plain.correct_biases(batches).quantize()
    errors = measured_errors(base, plain.quantize(), source.how.apply(images.images))
    yield "bias, measured", replace(plain, model=add_to_biases(base, errors)).quantize()
    equalized, _ = recovery_equalization.equalize(base)
    minmax = calibrate.Calibration(images, "minmax")
    new_ranges = calibrate.ranges(equalized, minmax, source.how, source.batch)
    yield "equalized", qdq.quantize(equalized, new_ranges, target)
    yield "FP32 weights", recovery_halves.fp32_weights(plain.quantize(), base)
    yield "FP32 activations", recovery_halves.fp32_activations(plain.quantize(), base)


def measured_errors(base: Any, quantized: Any, pixels: Any) -> dict[str, Any]:
    """Return what each layer's channels were seen to lack, on average, for whatever reason."""
    nodes = _layers(base)
    int8 = {node.name: node.output[0] for node in quantized.graph.node}
    wanted = _means(base, [node.output[0] for node in nodes], pixels)
    given = _means(quantized, [int8[node.name] for node in nodes], pixels)
    lacks = {node.name: wanted[node.output[0]] - given[int8[node.name]] for node in nodes}
    return {name: lack.reshape(len(lack), -1).mean(1) for name, lack in lacks.items()}


def _layers(model: Any) -> list[Any]:
    from cifarq_export.int8 import qdq

    names = qdq.layers(model)
    return [n for n in model.graph.node if n.name in names and n.op_type in ("Conv", "Gemm")]


def _means(model: Any, names: list[str], pixels: Any) -> dict[str, Any]:
    """Return tensors' means over images, as ONNX defines them: no optimisation."""
    import onnx

    from cifarq_export.int8 import onnx_graph, runtime

    tapped, entry = onnx_graph.copy_model(model), model.graph.input[0].name
    del tapped.graph.output[:]
    inside = [name for name in dict.fromkeys(names) if name != entry]
    tapped.graph.output.extend(onnx.ValueInfoProto(name=name) for name in inside)
    session = runtime.open_model(tapped, "the model's layers", _unoptimised()).inner
    sums: dict[str, Any] = {entry: pixels.sum(0, dtype=np.float64)}
    for start in range(0, len(pixels), _BATCH):
        values = session.run(inside, {entry: pixels[start : start + _BATCH]})
        for name, value in zip(inside, values, strict=True):
            sums[name] = sums.get(name, 0) + value.sum(0, dtype=np.float64)
    return {name: total / len(pixels) for name, total in sums.items()}


def add_to_biases(model: Any, corrections: dict[str, Any]) -> Any:
    """Return a copy of an FP32 model with numbers added to the biases of its layers."""
    from onnx import numpy_helper

    from cifarq_export.int8 import onnx_graph

    copy = onnx_graph.copy_model(model)
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in copy.graph.initializer}
    for node in copy.graph.node:
        if node.name in corrections:
            before = held[node.input[2]] if len(node.input) > 2 else 0
            bias = (before + corrections[node.name]).astype(np.float32)
            del node.input[2:]
            node.input.append(f"{node.name}_corrected")
            copy.graph.initializer.append(numpy_helper.from_array(bias, node.input[2]))
    return copy


def markdown(record: dict[str, Any]) -> str:
    """Return the whole report."""
    lines = [
        "# Ways to recover the accuracy of static INT8",
        "",
        "Written by `python benchmarks/recovery.py`; do not edit. Percent of images in FP32's "
        f"class, {CALIBRATION} calibration / {VALIDATION:,} validation images, in the arithmetic "
        "of the target.",
        "",
        f"| way | {' | '.join(record['networks'])} |",
        f"|---|{'---:|' * len(record['networks'])}",
    ]
    for way, what in WAYS.items():
        cells = [_cell(network, way) for network in record["networks"].values()]
        lines.append(f"| {way}: {what} | {' | '.join(cells)} |")
    tops = [f"{100 * one['fp32_top1']:.1f}" for one in record["networks"].values()]
    lines.append(f"| FP32's top-1 on validation, % | {' | '.join(tops)} |")
    return "\n".join([*lines, ""])


def _cell(network: dict[str, Any], way: str) -> str:
    same, images = network["same_class"][way], network["images"]
    shares = (f"{100 * same[part] / images[part]:.1f}" for part in ("calibration", "validation"))
    return " / ".join(shares)


if __name__ == "__main__":
    main()
