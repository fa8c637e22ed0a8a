"""What becomes of classifiers that people really have: twenty networks, fourteen ONNX files.

    python benchmarks/networks_train.py --data-dir DIR     the networks' weights, once

    python benchmarks/networks.py --data-dir DIR

Twelve of the files are written here; ``--files`` names the folder of the two that
``networks_foreign.py`` wrote, which are left out without it.

Each is exported by the command that a user types, and its bundle measured by ``edge-bench``: the
drop of top-1 on validation images with its interval, speed against FP32, what share is INT8, how
long the export takes and how much memory. Or the sentence that says why nothing is shipped.

Writes ``benchmarks/results/networks.json`` after each of them, and ``networks.md`` from it; a rerun
goes on, ``--anew`` starts afresh, ``--render`` only draws. Half an hour on two cores, beside the
training; timm has to be installed. No test image is looked at but by the golden packs.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import environment
import networks_train
from networks_files import FILES, FOREIGN
from networks_report import markdown
from networks_zoo import NETWORKS, Network
from tqdm import tqdm

HERE = Path(__file__).resolve().parent
_EXPORT = ("--format", "onnx")
_MEASURE = ("--min-runs", "100", "--min-time", "1", "--accuracy-images", "64")


@dataclass(frozen=True)
class Setting:
    """What all exports share: where data, weights and foreign files are, and how much is done."""

    data_dir: Path | None
    weights: Path
    files: Path | None
    validation_images: int
    rounds: int


@click.command(help=__doc__)
@click.option("--data-dir", type=click.Path(path_type=Path), help="CIFAR-10's folder.")
@click.option("--only", metavar="NAME,...", help="Export these only, networks or files.")
@click.option(
    "--weights", default=networks_train.OUT, type=click.Path(path_type=Path), show_default=False
)
@click.option("--files", type=click.Path(path_type=Path), help="Files of other exporters.")
@click.option("--validation-images", default=2_000, show_default=True, type=click.IntRange(16))
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(2))
@click.option("--out", default=HERE / "results", type=click.Path(path_type=Path))
@click.option("--anew", is_flag=True, help="Start afresh.")
@click.option("--render", is_flag=True, help="Draw the report again from the JSON file.")
def main(only: str | None, out: Path, anew: bool, render: bool, **setting: Any) -> None:
    """Export and measure what is not recorded yet, and draw the report."""
    from edge_runtime.files import write_text

    given = Setting(**setting)
    file = out / "networks.json"
    out.mkdir(parents=True, exist_ok=True)
    record = json.loads(file.read_text()) if file.exists() and not anew else _environment(given)
    if not render:
        names = _names(only, given.files)
        waiting = [name for name in names if name not in record["exports"]]
        for name in tqdm(waiting, desc="exports", disable=not sys.stderr.isatty()):
            record["exports"][name] = _export(name, given)
            write_text(file, json.dumps(record, indent=1) + "\n")
    write_text(out / "networks.md", markdown(record))
    click.echo(markdown(record))


def _names(only: str | None, files: Path | None) -> list[str]:
    known = [*NETWORKS, *FILES, *(FOREIGN if files else ())]
    names = only.split(",") if only else known
    if unknown := [name for name in names if name not in known]:
        raise click.UsageError(f"--only {unknown[0]}: known are {', '.join(known)}.")
    return names


def _export(name: str, given: Setting) -> dict[str, Any]:
    """Export one network or file as a user would, measure its bundle, and return what came."""
    with TemporaryDirectory() as folder:
        scratch = Path(folder)
        data = ("--data-dir", str(given.data_dir)) if given.data_dir else ()
        judged = ("--validation-images", str(given.validation_images))
        bundle = scratch / "bundle"
        asked = (*_model(name, given, scratch), *data, *judged, *_EXPORT, "--out", str(bundle))
        done, seconds, peak_bytes = _run("cifarq_export", asked)
        trained = networks_train.weights_file(given.weights, name).with_suffix(".json")
        shipped = done.returncode == 0
        return {
            "training": json.loads(trained.read_text()) if trained.exists() else None,
            "exit_code": done.returncode,
            "seconds": round(seconds, 1),
            "peak_bytes": peak_bytes,
            "said": _without_folders(done.stderr, scratch, given.files).splitlines(),
            **(_measure(bundle, scratch, given.rounds) if shipped else _NOTHING),
        }


def _without_folders(said: str, *folders: Path | None) -> str:
    """Return what was said without the folders of this machine that files lie in."""
    for folder in filter(None, folders):
        said = said.replace(f"{folder}/", "")
    return said


def _model(name: str, given: Setting, scratch: Path) -> Sequence[str]:
    """Return what tells the command of a network or file; a file of ours is written first."""
    if name in NETWORKS:
        return _options(name, NETWORKS[name], given.weights)
    if name in FILES:
        return ("--from", str(FILES[name].write(scratch, name)), *FILES[name].options)
    assert given.files is not None
    return ("--from", str(given.files / f"{name}.onnx"), *FOREIGN[name])


def _options(name: str, network: Network, weights: Path) -> Sequence[str]:
    """Return what tells the command of a network: its factory, weights, size and images."""
    arguments = [f"--model-arg={key}={value}" for key, value in network.arguments.items()]
    mean, std = (",".join(map(str, v)) for v in (networks_train.MEAN, networks_train.STD))
    return (
        *("--model", network.factory, *arguments),
        *("--weights", str(networks_train.weights_file(weights, name))),
        *("--input-shape", f"3,{network.size},{network.size}", "--resize", str(network.size)),
        *("--mean", mean, "--std", std),
    )


def _run(
    module: str, options: Sequence[str]
) -> "tuple[subprocess.CompletedProcess[str], float, int]":
    """Run a command to its end; return what came, the seconds it took and its largest memory."""
    command = [sys.executable, "-m", module, *options]
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *_python_path()])},
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    done = subprocess.CompletedProcess(command, process.returncode, "", said)
    return done, time.monotonic() - started, used.ru_maxrss * 1024


def _python_path() -> list[str]:
    return [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]


_NOTHING: dict[str, Any] = {"artifacts": {}, "no_ratio": []}


def _measure(bundle: Path, scratch: Path, rounds: int) -> dict[str, Any]:
    """Return what is known of a bundle's artifacts, by precision, and why some have no speed."""
    from edge_runtime.bundle import manifest
    from edge_runtime.documents.values import to_json
    from edge_runtime.results import document, verdict

    file = scratch / "results.json"
    measured = ("run", str(bundle), "--json", str(file), "--rounds", str(rounds), *_MEASURE)
    _run("edge_runtime", measured)
    results = document.read(file)
    judged = verdict.judge(results)
    rows = {row.precision: row for row in results.rows}
    artifacts = {
        artifact.precision: {
            "size_bytes": artifact.size_bytes,
            "quantized": to_json(artifact.quantized),
            "parity": to_json(artifact.parity),
            "accuracy": to_json(artifact.accuracy),
            "fallback": list(artifact.fallback),
            "turn_median_ns": [turn.median_ns for turn in rows[artifact.precision].turns],
            "speed": to_json(judged.speed(rows[artifact.precision], rows["fp32"])),
            "verdict": judged.of(rows[artifact.precision]).to_json(),
        }
        for artifact in manifest.read(bundle).artifacts
    }
    return {"artifacts": artifacts, "no_ratio": list(judged.no_ratio)}


def _environment(given: Setting) -> dict[str, Any]:
    """Return an empty record that says which machine and which versions this is."""
    libraries = ("torch", "torchvision", "timm", "onnx", "onnxruntime", "numpy")
    return {
        "schema": 1,
        **environment.describe(*libraries),
        "validation_images": given.validation_images,
        "rounds": given.rounds,
        "exports": {},
    }


if __name__ == "__main__":
    main()
