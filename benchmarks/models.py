"""What the shipped models are: accuracy on the test images, bytes, cost; and a card for each.

    python benchmarks/models.py --data-dir DIR

exports each model that ships as FP32 and static INT8 ONNX, evaluates both files on all 10,000 test
images, and writes ``card.json`` and ``CARD.md`` beside its weights, and
``benchmarks/results/models.json`` and ``models.md``, and the table in README.md. A model whose
weights were looked at before is not looked at again. A minute or two a model.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from readme_block import put
from tqdm import tqdm

HERE = Path(__file__).resolve().parent
SCHEMA = 1
TARGET = "x86-vnni"
"""The files are made for it, and judged by arithmetic that no CPU saturates: figures of one file
are the same from every CPU."""


@click.command(help=__doc__)
@click.option("--data-dir", type=click.Path(path_type=Path), help="CIFAR-10's folder.")
@click.option("--only", metavar="NAME", help="Look at this model alone.")
@click.option("--out", default=HERE / "results", type=click.Path(path_type=Path))
def main(data_dir: Path | None, only: str | None, out: Path) -> None:
    """Evaluate what was not evaluated yet; write cards and report."""
    from edge_runtime.files import write_text

    names = shipped(only)
    out.mkdir(parents=True, exist_ok=True)
    file = out / "models.json"
    record = json.loads(file.read_text()) if file.exists() else {}
    if record.get("schema") != SCHEMA:
        record = {"schema": SCHEMA, "models": {}}
    for name in tqdm(names, desc="models", disable=not sys.stderr.isatty()):
        _look(name, data_dir, record["models"])
        write_text(file, json.dumps(record, indent=1) + "\n")
    report = markdown(record)
    write_text(out / "models.md", report)
    if out == HERE / "results":
        put(f"<!-- models:begin -->\n{table(record)}\n<!-- models:end -->")
    click.echo(report)


def shipped(only: str | None) -> dict[str, Path]:
    """Return the folders of the models that ship, by name, or of one of them alone."""
    from cifarq import models

    known = {name: path for name in models.names() if (path := models.pretrained(name))}
    if only and only not in known:
        raise click.UsageError(f"--only {only}: the shipped models are {', '.join(known)}.")
    return {only: known[only]} if only else known


def _look(name: str, data_dir: Path | None, known: dict[str, Any]) -> None:
    """Evaluate a model if its weights are new, and write its card."""
    from cifarq import checkpoint, models
    from cifarq.evaluation import card, inventory
    from edge_runtime.documents import strict
    from edge_runtime.documents.values import to_json
    from edge_runtime.files import write_text

    folder = models.pretrained(name)
    assert folder is not None
    loaded = checkpoint.load(folder)
    if known.get(name, {}).get("weights") != loaded.digest:
        facts = inventory.describe(name)
        known[name] = {
            "weights": loaded.digest,
            **_evaluate(folder, data_dir),
            **{fact: facts[fact] for fact in ("parameters", "macs", "training")},
            "validation_top1": facts["pretrained_validation_top1"],
        }
    figures = strict.build(card.Card, known[name])
    write_text(folder / card.FILE, json.dumps(to_json(figures), indent=1) + "\n")
    description = models.get(name).DESCRIPTION
    write_text(folder / card.TEXT_FILE, card.text(name, description, loaded, figures))


def _evaluate(folder: Path, data_dir: Path | None) -> dict[str, Any]:
    """Export a checkpoint, and return what FP32 and static INT8 come to on the test images."""
    from cifarq.data import datasets
    from edge_runtime.documents.values import to_json
    from edge_runtime.measure import accuracy

    test = datasets.load(data_dir).test
    found = answer(folder, data_dir, test, "fp32,int8-static")
    fp32, int8 = found["fp32"], found["int8-static"]
    return {
        "images": len(test),
        "fp32": to_json(accuracy.top1(fp32.logits, test.labels)),
        "int8": to_json(accuracy.top1(int8.logits, test.labels)),
        "drop": to_json(accuracy.pair(int8.logits, fp32.logits, test.labels).drop.scaled(100)),
        "int8_bytes": int8.file.size_bytes,
        "int8_sha256": int8.file.sha256,
        "fallback": list(int8.file.fallback),
        "target": TARGET,
    }


@dataclass(frozen=True)
class Answered:
    """An exported file and its logits (images, classes)."""

    file: Any
    logits: Any


def answer(
    folder: Path, data_dir: Path | None, images: Any, precisions: str
) -> dict[str, Answered]:
    """Export a checkpoint for ``TARGET``; return each precision's answers to labelled images."""
    from cifarq_export.check import arithmetic
    from edge_runtime.bundle import manifest

    with TemporaryDirectory() as scratch:
        bundle = Path(scratch) / "bundle"
        export(str(folder), data_dir, bundle, target=TARGET, precisions=precisions)
        content, found = manifest.read(bundle), {}
        for artifact in content.artifacts:
            judge = arithmetic.judge_of(artifact.format, artifact.precision, TARGET)
            file, how = bundle / artifact.file, content.preprocessing
            kind = (artifact.format, artifact.precision)
            logits = arithmetic.answer(file, *kind, judge, how, images)
            found[artifact.precision] = Answered(artifact, logits)
    return found


def export(
    source: str, data_dir: Path | None, bundle: Path, *, target: str, precisions: str
) -> None:
    """Export a checkpoint as a user would, but for speed, which is not judged.

    Args:
        source: its folder, or the name of a model that ships.
        data_dir: CIFAR-10's folder.
        bundle: where to.
        target: the CPU class.
        precisions: separated by commas.

    Raises:
        CalledProcessError: a gate fails, or the data cannot be used; the command says which.
    """
    data = ("--data-dir", str(data_dir)) if data_dir else ()
    command = [
        *(sys.executable, "-m", "cifarq_export", source, *data, "--format", "onnx"),
        *("--precision", precisions, "--target", target, "--min-speedup", "0"),
        *("--out", str(bundle)),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def markdown(record: dict[str, Any]) -> str:
    """Return the report of a record."""
    lines = [
        "# The models that ship",
        "",
        table(record),
        "",
        "`benchmarks/models.py` wrote this; each model's card stands beside its weights in "
        "`cifarq/models/pretrained/`.",
        "",
    ]
    return "\n".join(lines)


def table(record: dict[str, Any]) -> str:
    """Return the models of a record, a row each, and how they were measured."""
    lines = [
        "| | top-1 %, INT8 | top-1 %, FP32 | INT8 below FP32, points | INT8 bytes | million MACs "
        "| parameters |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(_row(name, one) for name, one in record["models"].items()),
        "",
        "Static INT8 ONNX files for x86-vnni, on all 10,000 CIFAR-10 test images, one a call, in "
        "arithmetic that no CPU saturates; 95 % intervals, that of the difference paired. MACs: "
        "multiply-accumulates for one image.",
    ]
    return "\n".join(lines)


def _row(name: str, one: dict[str, Any]) -> str:
    from cifarq.evaluation import card
    from edge_runtime.documents import strict

    figures = strict.build(card.Card, one)
    return (
        f"| {name} | {figures.int8} | {figures.fp32} | {figures.drop} | {figures.int8_bytes:,} "
        f"| {figures.macs / 1e6:.1f} | {figures.parameters:,} |"
    )


if __name__ == "__main__":
    main()
