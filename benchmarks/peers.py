"""Engines beside each other: the same networks in every format, on every engine, in one run.

    pip install -e '.[benchmarks]'

    python benchmarks/peers.py --data-dir DIR

The shipped models, and a ResNet-8, a MobileNetV3, a ResNet-18 and a ViT of random weights, are
exported in every format and precision (``--force``: nothing is left out for its accuracy or speed).
One ``edge-bench`` checks all artifacts on all installed engines, and finds accuracy and memory.
Then all rows of a network are timed in short turns, in random order, batch 1, one thread: every
latency is given as a ratio to the network's fastest row, paired by round, and as its share of what
this CPU's core comes to in large matrix products.

Writes ``benchmarks/results/peers.json`` and ``peers.md``, and the table in README.md. ``--work``
keeps bundles, results and timings, and a rerun goes on from there. An hour or two.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import click
import environment
import peers_timing
from peers_report import markdown, readme_block
from peers_timing import Timing, name_of

from edge_runtime.results.rows import Row

HERE = Path(__file__).resolve().parent
_FORMATS = ("torchscript", "pt2", "onnx", "litert", "ncnn", "mnn", "executorch")
_LIBRARIES = ("torch", "onnxruntime", "openvino", "ai-edge-litert", "ncnn", "MNN", "executorch")


@click.command(help=__doc__)
@click.option("--data-dir", type=click.Path(path_type=Path), help="CIFAR-10's folder.")
@click.option("--only", metavar="NAME,...", help="Measure these networks only.")
@click.option("--restarts", default=2, show_default=True, help="Starts of each process.")
@click.option("--rounds", default=15, show_default=True, help="After each of them.")
@click.option("--turn", "turn_s", default=0.1, show_default=True, type=click.FloatRange(0))
@click.option("--work", default=Path("peers-work"), type=click.Path(path_type=Path))
@click.option("--out", default=HERE / "results", type=click.Path(path_type=Path))
@click.option("--render", is_flag=True, help="Draw the report again from the JSON file.")
def main(
    data_dir: Path | None, only: str | None, work: Path, out: Path, render: bool, **how: Any
) -> None:
    """Export, measure, and draw the report."""
    from readme_block import put

    from edge_runtime.files import write_text

    file = out / "peers.json"
    out.mkdir(parents=True, exist_ok=True)
    if not render:
        record = measure(_names(only), data_dir, work, how)
        write_text(file, json.dumps(record, indent=1) + "\n")
    record = json.loads(file.read_text())
    write_text(out / "peers.md", markdown(record))
    if out == HERE / "results":
        put(readme_block(record))
    click.echo(markdown(record))


def _names(only: str | None) -> list[str]:
    from peers_networks import RANDOM

    from cifarq import models

    known = [*(name for name in models.names() if models.pretrained(name)), *RANDOM]
    names = only.split(",") if only else known
    if unknown := [name for name in names if name not in known]:
        raise click.UsageError(f"--only {unknown[0]}: known are {', '.join(known)}.")
    return names


def measure(
    names: list[str], data_dir: Path | None, work: Path, how: dict[str, Any]
) -> dict[str, Any]:
    """Return what was found, JSON values only."""
    import peers_ceilings

    from edge_runtime.results import document

    work.mkdir(parents=True, exist_ok=True)
    bundles = {(n, f): _export(n, f, data_dir, work / f"{n}-{f}") for n in names for f in _FORMATS}
    folders = {one.folder.name: one.folder for one in bundles.values() if one.folder}
    networks = {one.folder.name: name for (name, _), one in bundles.items() if one.folder}
    _check([*folders.values()], work / "results.json")
    kept = document.read(work / "results.json").rows
    found = [row for row in kept if row.bundle in networks]
    timed = peers_timing.measure(found, folders, networks, work / "timings.json", how)
    return {
        "schema": 1,
        **environment.describe(*_LIBRARIES),
        "settings": how,
        "ceilings_macs_per_s": peers_ceilings.measure(),
        "networks": {name: _facts(bundles[name, "onnx"].folder) for name in names},
        "not_written": [
            {"network": name, "format": format_, "message": one.message}
            for (name, format_), one in bundles.items()
            if one.message
        ],
        "installed_bytes": {name: _installed_bytes(name) for name in _LIBRARIES},
        "rows": _rows(found, networks, timed.rows),
        "tiny_against_resnet8": timed.tiny_against_resnet8,
    }


@dataclass(frozen=True)
class _Exported:
    """A network's bundle of one format; or why there is none."""

    folder: Path | None
    message: str = ""


def _export(name: str, format_: str, data_dir: Path | None, bundle: Path) -> _Exported:
    """Export a network in every precision of a format, once."""
    from peers_networks import RANDOM

    if bundle.exists():
        return _Exported(bundle)
    options = ["--format", format_, "--precision", "all"]
    options += ["--force", "--fallback-trials", "0", "--min-speedup", "0"]
    options += ["--data-dir", str(data_dir)] if data_dir else []
    if name in RANDOM:
        network = RANDOM[name]
        options += ["--model", network.factory, "--name", name]
        options += [f"--model-arg={key}={value}" for key, value in network.arguments.items()]
        size = str(network.size)
        options += ["--input-shape", f"3,{size},{size}", "--validation-images", "64"]
        options += [] if network.size == 32 else ["--resize", size]
    else:
        options.insert(0, name)
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "cifarq_export", *options, "--out", str(bundle)]
    environ = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    if done.returncode:
        return _Exported(None, done.stderr.strip().splitlines()[-1].removeprefix("Error: "))
    return _Exported(bundle)


def _check(bundles: list[Path], results: Path) -> None:
    """Let edge-bench find accuracy and memory of every row; its few calls are not what is shown."""
    options = ["--rounds", "2", "--min-runs", "5", "--min-time", "0"]
    options += ["--accuracy-images", "500", "--json", str(results)]
    options += ["--resume"] if results.exists() else []
    command = [sys.executable, "-m", "edge_runtime", "run", *map(str, bundles), *options]
    # A row that does not come to its end is part of the result.
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    if done.returncode not in (0, 1):
        raise click.ClickException(f"edge-bench ended with {done.returncode}")


def _facts(bundle: Path | None) -> dict[str, Any]:
    """Return what is known of a network: its multiply-accumulates, and its FP32 bytes."""
    from cifarq_export.explain import report

    assert bundle is not None, "every network is written as ONNX"
    (fp32,) = bundle.glob("*-fp32.onnx")
    (explanation,) = report.explain_path(fp32).values()
    assert explanation is not None
    return {"macs": sum(o.macs for o in explanation.operators), "bytes": fp32.stat().st_size}


def _installed_bytes(library: str) -> int:
    files = metadata.files(library) or []
    return sum(path.stat().st_size for file in files if (path := Path(file.locate())).is_file())


def _rows(
    rows: list[Row], networks: dict[str, str], timed: dict[str, Timing]
) -> list[dict[str, Any]]:
    """Return each row's figures."""
    found = []
    for row in rows:
        counts = row.accuracy.counts if row.accuracy else None
        timing = timed.get(name_of(row))
        found.append(
            {
                "network": networks[row.bundle],
                "format": row.format,
                "precision": row.precision,
                "engine": row.engine,
                "version": row.engine_version,
                "status": row.status.value,
                "message": row.message,
                "details": row.details,
                "bytes": row.size_bytes,
                "right": counts.right if counts else None,
                "images": counts.images if counts else None,
                "model_bytes": row.middle(lambda turn: turn.memory.model_bytes),
                "engine_bytes": row.middle(lambda turn: turn.memory.engine_bytes),
                "turn_median_ns": timing.medians_ns if timing else [],
                "speed_of_fastest": asdict(timing.speed_of_fastest) if timing else None,
                "lost_time": timing.lost_time if timing else "",
            }
        )
    return found


if __name__ == "__main__":
    main()
