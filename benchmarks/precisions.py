"""What each precision is worth on this machine: bytes, accuracy, and speed, in one interleaved run.

    python benchmarks/precisions.py --data-dir DIR

writes ``benchmarks/results/precisions.json`` (what was measured) and ``precisions.md`` (drawn from
it alone) and puts the table into README.md; ``--render`` only draws.

Every artifact that `cifarq-export` can write of the seed CNN, and PyTorch's own eager FP32, each in
a process of its own, take turns in random order: batch 1, one thread. All processes are started
afresh ten times; a ratio is paired by round. Accuracy is compared over all 5,000 validation images;
the 10,000 test images are looked at once, here.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import interleaved
import numpy as np
from tqdm import tqdm

from edge_runtime.results.statistics import Estimate, paired_difference, paired_ratio, percentile

HERE = Path(__file__).resolve().parent
EAGER = "PyTorch eager FP32"
ORT_FP32, STATIC = "seed-cnn-fp32.onnx", "seed-cnn-int8-static.onnx"
BEGIN, END = "<!-- precisions:begin -->", "<!-- precisions:end -->"
NAMES = {
    EAGER: EAGER,
    "seed-cnn-fp32.torchscript.pt": "TorchScript FP32",
    "seed-cnn-int8-dynamic.torchscript.pt": "TorchScript dynamic INT8",
    ORT_FP32: "ONNX Runtime FP32",
    "seed-cnn-int8-dynamic.onnx": "ONNX Runtime dynamic INT8",
    STATIC: "ONNX Runtime static INT8",
    "seed-cnn-int8-dynamic-conv.onnx": "ONNX Runtime dynamic INT8, convolutions too",
}


@click.command(help=__doc__)
@click.option("--data-dir", type=click.Path(path_type=Path), help="CIFAR-10's folder.")
@click.option("--restarts", default=10, show_default=True, type=click.IntRange(1))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--turn", "turn_s", default=0.3, show_default=True, help="Seconds of calls a turn.")
@click.option("--images", default=10_000, show_default=True, type=click.IntRange(16))
@click.option("--out", default=HERE / "results", type=click.Path(path_type=Path))
@click.option("--render", is_flag=True, help="Draw the report again from the JSON file.")
def main(
    data_dir: Path | None,
    restarts: int,
    rounds: int,
    turn_s: float,
    images: int,
    out: Path,
    render: bool,
) -> None:
    """Measure, write the JSON file, draw the report."""
    from readme_block import put

    from edge_runtime.files import write_text

    record = out / "precisions.json"
    if not render:
        measured = measure(data_dir, restarts, rounds, turn_s, images)
        out.mkdir(parents=True, exist_ok=True)
        write_text(record, json.dumps(measured, indent=1) + "\n")
    measured = json.loads(record.read_text())
    write_text(out / "precisions.md", markdown(measured))
    if out == HERE / "results":
        put(readme_block(measured))
    click.echo(markdown(measured))


def measure(
    data_dir: Path | None, restarts: int, rounds: int, stretch_s: float, count: int
) -> dict[str, Any]:
    """Make the artifacts, time them, classify with them; return the record, JSON values only."""
    from cifarq import models
    from cifarq_export.check import baseline, interleaving
    from cifarq_export.sources import checkpoint

    folder = models.pretrained("seed-cnn")
    assert folder is not None
    source = checkpoint.source(folder)
    baselines = {
        name: baseline.answer(source, images) for name, images in _images(data_dir, count).items()
    }
    eager = interleaving.Subject(
        {"folder": str(folder)}, "cifarq.evaluation.evaluate:eager_session"
    )
    subjects: dict[str, dict[str, Any]] = {EAGER: {"precision": "fp32"}}
    timed = {EAGER: eager}
    with tempfile.TemporaryDirectory() as scratch:
        maker = _maker(source, data_dir, Path(scratch))
        for made in _artifacts(maker):
            timed[made.path.name] = interleaving.artifact(made.engine, made.path, made.precision)
            subjects[made.path.name] = _subject(made, maker.recipe.how, baselines)
        batch = maker.recipe.how.apply(baselines["validation"].images.images[:1])
        samples = interleaved.take(
            timed, batch, restarts=restarts, rounds=rounds, stretch_s=stretch_s
        )
    for name, subject in subjects.items():
        subject["turn_median_ns"] = samples.medians_ns(name)
        subject["turn_calls"] = [len(stretch.samples_ns) for stretch in samples.of[name]]
    settings = {"restarts": restarts, "rounds": rounds, "turn_s": stretch_s}
    calibration = maker.recipe.calibration
    return {
        "schema": 1,
        "settings": {
            **settings,
            "batch_size": 1,
            "threads": 1,
            "calibration": asdict(calibration.record()) if calibration else None,
        },
        **_environment(),
        "fp32_right": {
            name: [int((one.logits.argmax(1) == one.images.labels).sum()), len(one.images)]
            for name, one in baselines.items()
        },
        "subjects": subjects,
    }


def _images(data_dir: Path | None, count: int) -> dict[str, Any]:
    """Return the images that accuracy is compared on, by the name of their part."""
    from cifarq.data import datasets

    dataset = datasets.load(data_dir)
    parts = {"validation": dataset.validation, "test": dataset.test}
    return {name: part.take(np.arange(min(count, len(part)))) for name, part in parts.items()}


def _maker(source: Any, data_dir: Path | None, scratch: Path) -> Any:
    """Return what makes the artifacts, for this CPU, as ``cifarq-export compare`` does."""
    from cifarq_export import compare
    from cifarq_export.bundle.artifact import Maker
    from cifarq_export.bundle.request import Request
    from cifarq_export.check import baseline, gates
    from cifarq_export.sources.images import Gatherer
    from edge_runtime.probes import target

    here = target.of_this_cpu()
    assert here is not None
    images = Gatherer(data_dir).gather(
        source.classes, source.input_shape, calibration_images=512, validation_images=200
    )
    request = Request(compare.pairs(source, None), here)
    recipe = request.recipe(source, images, scratch)
    few = baseline.answer(source, images.validation)
    return Maker(source, scratch, recipe, few, gates.Limits(fallback_trials=0))


def _artifacts(maker: Any) -> Iterator[Any]:
    """Make every artifact that there is of the maker's source."""
    from cifarq_export import compare

    pairs = compare.pairs(maker.source, None)
    for pair in tqdm(pairs, desc="artifacts", disable=not sys.stderr.isatty()):
        yield maker.make(*pair)


def _subject(made: Any, how: Any, baselines: dict[str, Any]) -> dict[str, Any]:
    """Return what is recorded of an artifact, but its times."""
    from edge_runtime import engines

    session = engines.load(made.engine, made.path.read_bytes(), made.path.name)
    return {
        "precision": made.precision,
        "format": made.format,
        "engine": made.engine,
        "target": made.target,
        "size_bytes": made.size_bytes,
        "quantized": asdict(made.explanation.to_manifest()) if made.explanation else {},
        "accuracy": {name: _counts(session.run, how, one) for name, one in baselines.items()},
    }


def _environment() -> dict[str, Any]:
    """Return which machine and which versions this is, JSON values only."""
    import torch

    from edge_runtime import __version__, engines
    from edge_runtime.documents.values import to_json
    from edge_runtime.probes import host

    return {
        "tool": f"cifarq {__version__}",
        "host": to_json(host.describe()),
        "versions": {
            "torch": torch.__version__,
            "onnxruntime": engines.require("onnxruntime").version(),
        },
    }


def _counts(run: Any, how: Any, reference: Any) -> dict[str, int]:
    """Return how many images an artifact has right, lost, gained, and answers like FP32."""
    from edge_runtime.measure import accuracy

    logits = accuracy.logits_of(run, reference.images.images, how)
    return asdict(accuracy.pair(logits, reference.logits, reference.images.labels))


def speed(record: dict[str, Any], name: str, reference: str) -> Estimate:
    """Return how many times as fast as another subject one is, paired by round."""
    medians = {key: record["subjects"][key]["turn_median_ns"] for key in (name, reference)}
    return paired_ratio(medians[reference], medians[name])


def drop(record: dict[str, Any], name: str, part: str) -> Estimate:
    """Return by how many points top-1 falls from PyTorch FP32, paired."""
    counts = record["subjects"][name]["accuracy"][part]
    return paired_difference(counts["lost"], counts["gained"], counts["images"]).scaled(100)


def readme_block(record: dict[str, Any]) -> str:
    """Return what README shows of it, marks included."""
    return "\n".join([BEGIN, *table(record), "", setting(record), END])


def markdown(record: dict[str, Any]) -> str:
    """Return the whole report."""
    static = {part: drop(record, STATIC, part) for part in ("validation", "test")}
    return "\n".join(
        [
            "# What each precision is worth",
            "",
            "Written by `python benchmarks/precisions.py`; do not edit. " + setting(record),
            "",
            *table(record),
            "",
            "Static INT8 against PyTorch FP32: "
            f"{speed(record, STATIC, EAGER)} times the speed of eager PyTorch, "
            f"{speed(record, STATIC, ORT_FP32)} times that of ONNX Runtime FP32, "
            f"{record['subjects'][STATIC]['size_bytes']:,} bytes; top-1 falls by "
            f"{static['validation']} points on validation and {static['test']} "
            "points on test (looked at once).",
            "",
            "Calls timed in each of the "
            f"{len(record['subjects'][EAGER]['turn_calls'])} turns: "
            + ", ".join(
                f"{NAMES[name]} {min(s['turn_calls'])} to {max(s['turn_calls'])}"
                for name, s in record["subjects"].items()
            )
            + ".",
            "",
        ]
    )


def table(record: dict[str, Any]) -> list[str]:
    """Return the table, in the order in which the artifacts were made."""
    lines = [
        "| | bytes | INT8 bytes / MACs % | falls by points, validation | median µs | speed |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, subject in record["subjects"].items():
        median = percentile(subject["turn_median_ns"], 50) / 1e3
        if name == EAGER:
            lines.append(f"| {EAGER} | – | 0 / 0 | 0 | {median:,.0f} | 1 |")
            continue
        held = subject["quantized"]
        shares = f"{100 * held['weight_share']:.1f} / {100 * held['mac_share']:.1f}"
        lines.append(
            f"| {NAMES[name]} | {subject['size_bytes']:,} | {shares} | "
            f"{drop(record, name, 'validation')} | {median:,.0f} | "
            f"{speed(record, name, EAGER)} |"
        )
    return lines


def setting(record: dict[str, Any]) -> str:
    """Say how it was measured."""
    settings, host = record["settings"], record["host"]
    images = record["subjects"][STATIC]["accuracy"]["validation"]["images"]
    return (
        f"Seed CNN on {host['cpu']} ({host['target']}), PyTorch {record['versions']['torch']}, "
        f"ONNX Runtime {record['versions']['onnxruntime']}; batch 1, 1 thread; all rows in turns "
        f"of {settings['turn_s']:g} s in random order, {settings['rounds']} rounds in each of "
        f"{settings['restarts']} fresh starts of every process; speed is against eager PyTorch "
        f"FP32, paired by round; points are paired over {images:,} validation images (negative is "
        "a gain); brackets hold 95 % intervals. INT8 bytes are counted as the FP32 model's."
    )


if __name__ == "__main__":
    main()
