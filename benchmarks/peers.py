"""Engines beside each other: the same networks in every format, on every engine, in one run.

    pip install -e '.[benchmarks]'

    python benchmarks/peers.py --data-dir DIR

The shipped models, and a ResNet-8, a MobileNetV3, a ResNet-18 and a ViT of random weights, are
exported in every format and precision (``--force``: nothing is left out for its accuracy or speed),
and all artifacts are measured by one ``edge-bench`` on all installed engines: interleaved rounds of
fresh processes, batch 1, one thread. Then every latency is also given as its ratio to the
network's fastest row, and as its share of what this CPU's core comes to in large matrix products.

Writes ``benchmarks/results/peers.json`` and ``peers.md``, and the table in README.md. ``--work``
keeps bundles and samples, and a rerun goes on from there. Half an hour to an hour.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import click
import environment
from peers_report import markdown, readme_block

HERE = Path(__file__).resolve().parent
_FORMATS = ("torchscript", "pt2", "onnx", "litert", "ncnn", "mnn", "executorch")
_LIBRARIES = ("torch", "onnxruntime", "openvino", "ai-edge-litert", "ncnn", "MNN", "executorch")


@click.command(help=__doc__)
@click.option("--data-dir", type=click.Path(path_type=Path), help="CIFAR-10's folder.")
@click.option("--only", metavar="NAME,...", help="Measure these networks only.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(2))
@click.option("--min-runs", default=100, show_default=True, type=click.IntRange(1))
@click.option("--min-time", default=1.5, show_default=True, type=click.FloatRange(0))
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
    results = work / "results.json"
    _measure([one.folder for one in bundles.values() if one.folder], results, how)
    networks = {one.folder.name: name for (name, _), one in bundles.items() if one.folder}
    found = document.read(results)
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
        "rows": _rows(found, networks),
        "tiny_against_resnet8": _tiny_against_resnet8(found, networks),
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


def _measure(bundles: list[Path], results: Path, how: dict[str, Any]) -> None:
    options = [f"--{key.replace('_', '-')}={value}" for key, value in how.items()]
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


def _tiny_against_resnet8(results: Any, networks: dict[str, str]) -> dict[str, Any] | None:
    """Return how many times as fast tiny's fastest row is as LiteRT's INT8 of the ResNet-8."""
    from edge_runtime.documents.values import to_json
    from edge_runtime.results import verdict

    judged = verdict.judge(results)
    timed = [row for row in results.rows if row.ran and row.key not in judged.lost_time]
    ours = [row for row in timed if networks[row.bundle] == "tiny"]
    theirs = [
        row
        for row in timed
        if (networks[row.bundle], row.engine) == ("resnet8", "litert")
        and row.precision == "int8-static"
    ]
    if not ours or not theirs:
        return None
    fastest = min(ours, key=lambda row: row.latency_ns(50))
    speed = judged.speed(fastest, theirs[0])
    return {
        "engine": fastest.engine,
        "precision": fastest.precision,
        "speed": to_json(speed) if speed else None,
    }


def _rows(results: Any, networks: dict[str, str]) -> list[dict[str, Any]]:
    """Return each row's figures, and its ratio to the fastest row of its network."""
    from edge_runtime.documents.values import to_json
    from edge_runtime.results import verdict

    judged = verdict.judge(results)
    found = []
    for row in results.rows:
        name = networks[row.bundle]
        ran = [other for other in results.rows if networks[other.bundle] == name and other.ran]
        timed = [other for other in ran if other.key not in judged.lost_time]
        fastest = min(timed, key=lambda other: other.latency_ns(50), default=None)
        counts = row.accuracy.counts if row.accuracy else None
        found.append(
            {
                "network": name,
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
                "median_ns": row.latency_ns(50),
                "p95_ns": row.latency_ns(95),
                "round_medians_ns": [turn.median_ns for turn in row.turns],
                "speed_of_fastest": to_json(judged.speed(fastest, row))
                if fastest and row.ran
                else None,
                "model_bytes": row.middle(lambda turn: turn.memory.model_bytes),
                "engine_bytes": row.middle(lambda turn: turn.memory.engine_bytes),
                "verdict": judged.of(row).to_json(),
            }
        )
    return found


if __name__ == "__main__":
    main()
