"""Our models beside others of their size: top-1, bytes, and latency on one machine, in one plot.

    pip install -e '.[benchmarks]'

    python benchmarks/pareto.py --data-dir DIR --tflite resnet8.tflite --tflite resnet8-large.tflite

Each shipped model is exported as static INT8 for this CPU, and timed in ONNX Runtime; each TFLite
file is evaluated on the same test images and timed in LiteRT with XNNPACK; all interleaved, batch
1, one thread. MLPerf Tiny's files are ``pretrainedResnet_quant.tflite`` and
``pretrainedResnet_large_int8.tflite`` in mlcommons/tiny, under
``benchmark/training/image_classification/trained_models``. Published points that no file was found
of stand in the table with their source, and without a latency.

Writes ``benchmarks/results/pareto.json``, ``pareto.md`` and ``pareto.svg``. Run
``benchmarks/models.py`` before: the accuracy of our models is what it recorded.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import environment
import interleaved
import pareto_litert
import pareto_plot

HERE = Path(__file__).resolve().parent
RESTARTS, ROUNDS, TURN_S = 5, 4, 0.3


@dataclass(frozen=True)
class Published:
    """What somebody else reports of a model: top-1 in percent, and what there is of its size."""

    name: str
    top1_percent: float
    size: str
    source: str


_CIFAR_MODELS = "github.com/chenyaofo/pytorch-cifar-models, README"
_CONDENSENET = "github.com/ShichenLiu/CondenseNet, README"
PUBLISHED = (
    Published("ResNet-20, FP32", 92.60, "0.27 M parameters", _CIFAR_MODELS),
    Published("ResNet-56, FP32", 94.37, "0.86 M parameters", _CIFAR_MODELS),
    Published("CondenseNet-50, FP32", 93.78, "0.22 M parameters", _CONDENSENET),
    Published("CondenseNet-122, FP32", 95.52, "0.95 M parameters", _CONDENSENET),
    Published(
        "airbench94, FP32, six views of each image",
        94.01,
        "1.97 M parameters",
        "K. Jordan 2024 (arXiv:2404.00498)",
    ),
)
"""Measured by their authors: other harnesses, FP32, and no INT8 file."""


@click.command(help=__doc__)
@click.option("--data-dir", type=click.Path(path_type=Path), help="CIFAR-10's folder.")
@click.option(
    "--tflite",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A TFLite file to put beside ours. Can be repeated.",
)
@click.option("--restarts", default=RESTARTS, show_default=True, type=click.IntRange(1))
@click.option("--out", default=HERE / "results", type=click.Path(path_type=Path))
@click.option("--render", is_flag=True, help="Draw the report again from the JSON file.")
def main(
    data_dir: Path | None, tflite: tuple[Path, ...], restarts: int, out: Path, render: bool
) -> None:
    """Measure, and draw the report."""
    from edge_runtime.files import write_text

    out.mkdir(parents=True, exist_ok=True)
    file = out / "pareto.json"
    if not render:
        models = json.loads((out / "models.json").read_text())["models"]
        record = measure(models, data_dir, tflite, restarts)
        write_text(file, json.dumps(record, indent=1) + "\n")
    record = json.loads(file.read_text())
    write_text(out / "pareto.md", markdown(record))
    pareto_plot.draw(record["points"], out / "pareto.svg")
    click.echo(markdown(record))


def measure(
    models: dict[str, Any], data_dir: Path | None, tflite: tuple[Path, ...], restarts: int
) -> dict[str, Any]:
    """Evaluate and time all files; return what was found, JSON values only."""
    from cifarq_export.check import interleaving

    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    points = {f"cifarq {name}": _our_point(one) for name, one in models.items()}
    points |= {path.stem: pareto_litert.evaluate(path, data_dir) for path in tflite}
    with TemporaryDirectory() as scratch:
        subjects = {
            f"cifarq {name}": interleaving.artifact(
                "onnxruntime", _export(name, data_dir, Path(scratch))
            )
            for name in models
        }
        subjects |= {path.stem: pareto_litert.subject(path) for path in tflite}
        taken = _interleave(subjects, restarts)
    for name, point in points.items():
        point["median_ns"] = taken.medians_ns(name)
        point["lost_time"] = taken.lost_time(name)
    return {
        "schema": 1,
        **environment.describe("onnxruntime", "ai-edge-litert"),
        "settings": {"restarts": restarts, "rounds": ROUNDS, "turn_s": TURN_S},
        "points": points,
    }


def _our_point(model: dict[str, Any]) -> dict[str, Any]:
    return {"ours": True, "top1": model["int8"]["value"], "bytes": model["int8_bytes"]}


def _export(name: str, data_dir: Path | None, scratch: Path) -> Path:
    """Export a shipped model as static INT8 for this CPU; return the file."""
    from models import export

    from edge_runtime.bundle import manifest

    bundle = scratch / name
    export(name, data_dir, bundle, target="auto", precisions="int8-static")
    (artifact,) = manifest.read(bundle).artifacts
    return bundle / artifact.file


def _interleave(subjects: dict[str, Any], restarts: int) -> Any:
    import numpy as np

    from cifarq.data import cifar10, packs
    from edge_runtime.bundle.preprocess import normalise

    pixels = packs.shipped("golden").images[:1]
    batch = np.asarray(normalise(pixels, cifar10.MEAN, cifar10.STD))
    return interleaved.take(subjects, batch, restarts=restarts, rounds=ROUNDS, stretch_s=TURN_S)


def markdown(record: dict[str, Any]) -> str:
    """Return the report of a record."""
    points = record["points"]
    by_size = sorted(points, key=lambda name: points[name]["bytes"])
    lines = [
        "# Our models beside others of their size",
        "",
        "![top-1 over bytes](pareto.svg)",
        "",
        "| measured here | top-1 % | bytes | median µs |",
        "|---|---:|---:|---:|",
        *(_row(name, points[name]) for name in by_size),
        "",
        _dominated(points),
        "",
        "| as published | top-1 % | size | source |",
        "|---|---:|---|---|",
        *(f"| {p.name} | {p.top1_percent:.2f} | {p.size} | {p.source} |" for p in PUBLISHED),
        "",
        f"Measured on {record['host']['cpu']} ({record['host']['target']}), ONNX Runtime "
        f"{record['versions']['onnxruntime']}, LiteRT {record['versions']['ai-edge-litert']}; "
        f"batch 1, one thread; all files in turns of {record['settings']['turn_s']} s in random "
        f"order, {record['settings']['rounds']} rounds in each of {record['settings']['restarts']} "
        "starts of every process. Top-1 on all 10,000 CIFAR-10 test images. "
        "`benchmarks/pareto.py` wrote this.",
        "",
    ]
    return "\n".join(lines)


def _row(name: str, point: dict[str, Any]) -> str:
    from statistics import median

    shown = f"not measured: {point['lost_time']}" if point["lost_time"] else ""
    shown = shown or f"{median(point['median_ns']) / 1e3:,.0f}"
    return f"| {name} | {100 * point['top1']:.2f} | {point['bytes']:,} | {shown} |"


def _dominated(points: dict[str, Any]) -> str:
    """Say which of our models another file beats in accuracy and bytes at once."""
    beaten = [
        f"{name} by {other}"
        for name, ours in points.items()
        for other, theirs in points.items()
        if ours["ours"]
        and not theirs["ours"]
        and theirs["top1"] >= ours["top1"]
        and theirs["bytes"] <= ours["bytes"]
    ]
    if beaten:
        return f"As accurate and no larger: {'; '.join(beaten)}."
    return "No INT8 file of others in this table is as accurate as one of ours and no larger."


if __name__ == "__main__":
    main()
