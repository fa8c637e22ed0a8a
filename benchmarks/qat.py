"""What training for INT8 is worth beside calibration: each shipped model in static INT8 both ways.

    python benchmarks/qat.py --data-dir DIR

    python benchmarks/qat.py --data-dir DIR --only tiny --epochs 4

trains each model on by ``cifarq train --qat`` for a few epochs, exports what ships (calibrated) and
what came of it (its ranges learned), and compares top-1 on the 5,000 validation images, paired. No
test image is looked at. ``--work`` keeps the trainings, and a rerun goes on from there; a model
whose weights were looked at before, after as many epochs, is not looked at again.

Writes ``benchmarks/results/qat.json`` after each model, and ``qat.md`` from it.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
from models import TARGET, answer, shipped

HERE = Path(__file__).resolve().parent
SCHEMA = 1


@click.command(help=__doc__)
@click.option("--data-dir", type=click.Path(path_type=Path), help="CIFAR-10's folder.")
@click.option("--only", metavar="NAME", help="Look at this model alone.")
@click.option("--epochs", default=4, show_default=True, type=click.IntRange(1))
@click.option("--work", default=Path("qat-work"), type=click.Path(path_type=Path))
@click.option("--out", default=HERE / "results", type=click.Path(path_type=Path))
def main(data_dir: Path | None, only: str | None, epochs: int, work: Path, out: Path) -> None:
    """Train, compare, and draw the report."""
    from cifarq import checkpoint
    from edge_runtime.files import write_text

    out.mkdir(parents=True, exist_ok=True)
    file = out / "qat.json"
    record = json.loads(file.read_text()) if file.exists() else {}
    if record.get("schema") != SCHEMA:
        record = {"schema": SCHEMA, "target": TARGET, "models": {}}
    for name, folder in shipped(only).items():
        told = {"weights": checkpoint.load(folder).digest, "epochs": epochs}
        known = record["models"].get(name, {})
        if {key: known.get(key) for key in told} != told:
            record["models"][name] = told | compare(folder, data_dir, epochs, work / name)
            write_text(file, json.dumps(record, indent=1) + "\n")
    report = markdown(record)
    write_text(out / "qat.md", report)
    click.echo(report)


def compare(folder: Path, data_dir: Path | None, epochs: int, trained: Path) -> dict[str, Any]:
    """Train a checkpoint on, and return both ways' validation top-1, JSON values only."""
    from cifarq.data import datasets
    from edge_runtime.documents.values import to_json
    from edge_runtime.measure import accuracy

    data = ("--data-dir", str(data_dir)) if data_dir else ()
    command = [
        *(sys.executable, "-m", "cifarq", "train", "--qat", str(folder), *data),
        *("--epochs", str(epochs), "--target", TARGET, "--out", str(trained)),
    ]
    resume = ("--resume",) if trained.exists() else ()
    subprocess.run([*command, *resume], check=True)
    held_out = datasets.load(data_dir).validation
    found = answer(folder, data_dir, held_out, "fp32,int8-static")
    ptq = found["int8-static"]
    qat = answer(trained, data_dir, held_out, "int8-static")["int8-static"]
    ways = {"fp32": found["fp32"], "calibrated": ptq, "trained": qat}
    gain = accuracy.pair(ptq.logits, qat.logits, held_out.labels).drop.scaled(100)
    return {
        "images": len(held_out),
        "top1": {
            way: to_json(accuracy.top1(one.logits, held_out.labels)) for way, one in ways.items()
        },
        "gain_points": to_json(gain),
        "bytes": {way: one.file.size_bytes for way, one in ways.items()},
    }


def markdown(record: dict[str, Any]) -> str:
    """Return the report of a record."""
    rows = [_row(name, one) for name, one in record["models"].items()]
    images = max(one["images"] for one in record["models"].values())
    lines = [
        "# What training for INT8 is worth",
        "",
        "| | FP32, top-1 % | INT8, calibrated | INT8, trained | gain, points | epochs |",
        "|---|---:|---:|---:|---:|---:|",
        *rows,
        "",
        f"{images:,} validation images; static INT8, ONNX files for {record['target']}, in "
        "arithmetic that no CPU saturates; brackets hold 95 % intervals, those of the gain paired. "
        "Trained: `cifarq train --qat` from the shipped weights, for so many epochs. "
        "`benchmarks/qat.py` wrote this.",
        "",
    ]
    return "\n".join(lines)


def _row(name: str, one: dict[str, Any]) -> str:
    from edge_runtime.documents import strict
    from edge_runtime.results.statistics import Estimate

    shown = [
        str(strict.build(Estimate, one["top1"][way]).scaled(100))
        for way in ("fp32", "calibrated", "trained")
    ]
    gain = strict.build(Estimate, one["gain_points"])
    return f"| {name} | {' | '.join(shown)} | {gain} | {one['epochs']} |"


if __name__ == "__main__":
    main()
