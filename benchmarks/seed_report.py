"""The report this project began with, measured again: its table, and which of its claims hold.

    python benchmarks/seed_report.py --data-dir DIR

writes ``benchmarks/results/seed_report.json`` (what was measured) and ``seed_report.md`` (the
report, drawn from the JSON file alone) and puts the table into README.md; ``--render`` only draws.

Seven subjects classify the 10,000 test images one image a call, in blocks of 500 that go round the
subjects in random order, three passes; each subject lives in a process of its own. A ratio of two
subjects is taken block by block, so the machine's drift cancels in it.
"""

import json
import random
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from tqdm import tqdm

from cifarq_export.check.conversation import Conversation

HERE = Path(__file__).resolve().parent
SUBJECTS = (
    "eager fp32",
    "eager int8-dynamic",
    "torchscript fp32",
    "torchscript int8-dynamic",
    "onnx fp32",
    "onnx int8-dynamic",
    "onnx int8-static",
)
SEED = 0


@dataclass(frozen=True)
class BlockAnswer:
    """What a subject answers to a block: see ``seed_report_subject.py``."""

    ns: int
    energy_uj: int | None
    energy_source: str
    energy_reason: str


@dataclass(frozen=True)
class MemoryAnswer:
    """What it answers once it has loaded its model, and at the end."""

    memory: dict[str, int | None]


@click.command(help=__doc__)
@click.option("--data-dir", type=click.Path(path_type=Path), help="CIFAR-10's folder.")
@click.option("--checkpoint", type=click.Path(path_type=Path), help="[default: the shipped one]")
@click.option("--passes", default=3, show_default=True, type=click.IntRange(1))
@click.option("--images", default=10_000, show_default=True, type=click.IntRange(2))
@click.option("--block", default=500, show_default=True, type=click.IntRange(1))
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1))
@click.option("--out", default=HERE / "results", type=click.Path(path_type=Path))
@click.option("--render", is_flag=True, help="Draw the report again from the JSON file.")
def main(
    data_dir: Path | None,
    checkpoint: Path | None,
    passes: int,
    images: int,
    block: int,
    threads: int,
    out: Path,
    render: bool,
) -> None:
    """Measure, write the JSON file, draw the report."""
    from readme_block import put
    from seed_report_text import markdown, readme_block

    from cifarq import models
    from edge_runtime.files import write_text

    record = out / "seed_report.json"
    if not render:
        folder = checkpoint or models.pretrained("seed-cnn")
        assert folder is not None
        measured = measure(data_dir, folder, passes, images, block, threads)
        out.mkdir(parents=True, exist_ok=True)
        write_text(record, json.dumps(measured, indent=1) + "\n")
    measured = json.loads(record.read_text())
    write_text(out / "seed_report.md", markdown(measured))
    if out == HERE / "results":
        put(readme_block(measured))
    click.echo(markdown(measured))


def measure(
    data_dir: Path | None, folder: Path, passes: int, count: int, block: int, threads: int
) -> dict[str, Any]:
    """Run everything and return the record, JSON values only."""
    from cifarq import checkpoint
    from cifarq.data import datasets
    from cifarq.evaluation import inventory

    loaded = checkpoint.load(folder)
    test = datasets.load(data_dir).test.take(np.arange(count))
    with tempfile.TemporaryDirectory() as scratch:
        content = export(folder, Path(scratch) / "bundle")
        subjects = run_subjects(folder, test.images, passes, block, threads, Path(scratch))
        sizes = {f"{a.format} {a.precision}": a.size_bytes for a in content.artifacts}
        sizes |= saved_sizes(loaded.model(), Path(scratch))
    logits = {name: subject.pop("logits") for name, subject in subjects.items()}
    for name, subject in subjects.items():
        subject["file_bytes"] = sizes.get(name)
        subject["accuracy"] = accuracy_of(logits[name], logits["eager fp32"], test.labels)
    return {
        "schema": 1,
        "settings": {
            "images": len(test),
            "passes": passes,
            "block": block,
            "batch_size": 1,
            "threads": threads,
            "seed": SEED,
        },
        **environment(content.versions),
        "training": dict(loaded.training),
        "layers": layer_errors(loaded.model()),
        "linear_share": inventory.linear_share(loaded.model(), loaded.input_shape),
        "subjects": subjects,
    }


def export(folder: Path, bundle: Path) -> Any:
    """Export a checkpoint by the command, and return the bundle's manifest."""
    from edge_runtime.bundle import manifest

    command = [sys.executable, "-m", "cifarq_export", str(folder), "--out", str(bundle)]
    # What the gates ask is what is measured here, more exactly.
    command += ["--min-speedup", "0", "--max-drop", "100"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return manifest.read(bundle)


def environment(versions: dict[str, str]) -> dict[str, Any]:
    """Return which machine and which versions this is, JSON values only."""
    import torch

    from edge_runtime import __version__
    from edge_runtime.documents.values import to_json
    from edge_runtime.probes import host

    return {
        "tool": f"cifarq {__version__}",
        "host": to_json(host.describe()),
        "versions": {**versions, "torch": torch.__version__},
    }


def run_subjects(
    folder: Path, images: Any, passes: int, block: int, threads: int, scratch: Path
) -> dict[str, dict[str, Any]]:
    """Interleave the subjects; return block times, energy, memory and logits of each."""
    images_file = scratch / "images.npy"
    np.save(images_file, images)
    request = {
        "checkpoint": str(folder),
        "bundle": str(scratch / "bundle"),
        "images": str(images_file),
        "count": len(images),
        "threads": threads,
    }
    draw = random.Random(SEED)
    count = len(images)
    blocks = [(start, min(start + block, count)) for start in range(0, count, block)]
    records: dict[str, dict[str, Any]] = {}
    with ExitStack() as stack:
        start = [sys.executable, str(HERE / "seed_report_subject.py")]
        children = {name: stack.enter_context(Conversation(start, threads)) for name in SUBJECTS}
        for name, child in children.items():
            child.ask({"load": {**request, "name": name}}, MemoryAnswer)
            child.ask({"block": [0, min(20, count)]}, BlockAnswer)  # warm up
            records[name] = {"block_ns": [], "block_energy_uj": []}
        bar = tqdm(total=passes * len(blocks), unit="block", disable=not sys.stderr.isatty())
        for first, last in blocks * passes:
            for name in draw.sample(SUBJECTS, len(SUBJECTS)):
                answer = children[name].ask({"block": [first, last]}, BlockAnswer)
                records[name]["block_ns"].append(answer.ns)
                records[name]["block_energy_uj"].append(answer.energy_uj)
                records[name]["energy_source"] = answer.energy_source
                records[name]["energy_reason"] = answer.energy_reason
            bar.update()
        bar.close()
        for i, (name, child) in enumerate(children.items()):
            file = scratch / f"logits-{i}.npy"
            records[name]["memory"] = child.ask({"finish": str(file)}, MemoryAnswer).memory
            records[name]["logits"] = np.load(file)
    return records


def accuracy_of(logits: Any, reference: Any, labels: Any) -> dict[str, Any]:
    """Return top-1, and the comparison with eager FP32 over the same images."""
    from cifarq.evaluation.noise import signal_to_noise_db
    from edge_runtime.measure.accuracy import pair
    from edge_runtime.results.parity import compare

    counts = pair(logits, reference, labels)
    error = np.abs(logits.astype(np.float64) - reference)
    exact = not error.any()
    return {
        "right": counts.right,
        "lost": counts.lost,
        "gained": counts.gained,
        **asdict(compare(logits, reference)),
        "mean_logit_error": float(error.mean()),
        "logit_snr_db": None if exact else signal_to_noise_db(reference, logits),
    }


def saved_sizes(model: Any, scratch: Path) -> dict[str, int]:
    """Return the size of the saved state_dict before and after dynamic INT8, as the report did."""
    import torch

    from cifarq import quantize

    sizes = {}
    for name, one in (("eager fp32", model), ("eager int8-dynamic", quantize.dynamic_int8(model))):
        file = scratch / "measured-and-deleted.pth"
        torch.save(one.state_dict(), file)
        sizes[name] = file.stat().st_size
        file.unlink()
    return sizes


def layer_errors(model: Any) -> list[dict[str, Any]]:
    """Return, for each Linear layer, how far its INT8 weights lie from the FP32 ones."""
    from cifarq import quantize
    from cifarq.evaluation.noise import signal_to_noise_db

    exact = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    return [
        {
            "layer": name,
            "shape": list(weights.shape),
            "weight_sqnr_db": signal_to_noise_db(exact[f"{name}.weight"], weights),
        }
        for name, weights in quantize.dynamic_int8_layers(quantize.dynamic_int8(model)).items()
    ]


if __name__ == "__main__":
    main()
