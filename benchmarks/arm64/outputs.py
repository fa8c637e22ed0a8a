"""What do a bundle's artifacts compute on Arm? The same files, on three emulated cores and here.

    python benchmarks/arm64/outputs.py                 64 golden images, as root
    python benchmarks/arm64/outputs.py --images 500    all of them, as it was recorded

Every artifact answers the golden images one a call, in a process of its own, on each core and on
this machine. The logits are kept under build/, so that a rerun goes on. Writes ``arm64.json`` (what
was counted; no time is in it) and ``arm64.md`` (drawn from it alone); ``--render`` only draws. The
exit code is 1 where an artifact strays from what it computes here.
"""

import json
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import click
import comparison
import numpy as np
from board import BUILD, BUNDLE, CORES, RESULTS, SITE, Board, emulator, require, side_by_side
from comparison import HERE

from edge_runtime.bundle import golden, manifest
from edge_runtime.files import write_text
from edge_runtime.probes import cpuinfo, target

KEPT = BUILD / "arm64-outputs"
SCRIPT = Path(__file__).resolve().parent / "logits.py"


@click.command(help=__doc__)
@click.option("--images", default=64, show_default=True, type=click.IntRange(1))
@click.option("--bundle", default=BUNDLE, type=click.Path(path_type=Path), help="For arm64.")
@click.option("--processes", default=2, show_default=True, type=click.IntRange(1))
@click.option("--out", default=RESULTS, type=click.Path(path_type=Path), help="For the record.")
@click.option("--render", is_flag=True, help="Draw the report again from the JSON file.")
def main(images: int, bundle: Path, processes: int, out: Path, render: bool) -> None:
    """Compute what is not kept yet, compare, write both files."""
    record_file = out / "arm64.json"
    if not render:
        record = measure(bundle, images, processes)
        out.mkdir(parents=True, exist_ok=True)
        write_text(record_file, json.dumps(record, indent=1, allow_nan=False) + "\n")
    record = json.loads(record_file.read_text())
    write_text(out / "arm64.md", comparison.markdown(record))
    click.echo(comparison.markdown(record))
    if problems := comparison.problems(record):
        raise click.ClickException("; ".join(problems))


def measure(bundle: Path, images: int, processes: int) -> dict[str, Any]:
    """Compute every artifact's logits everywhere; return the record."""
    require(bundle)
    content = manifest.read(bundle)
    pack = golden.of_bundle(bundle, content).first(images)
    machines = (HERE, *CORES)
    for machine in machines:
        prepare(bundle, content, KEPT / machine)
    jobs = list(product(content.artifacts, machines))
    ended = side_by_side(lambda job: compute(*job, len(pack.images)), jobs, processes)
    found = {
        (artifact.file, machine): failed or kept(artifact, machine)
        for (artifact, machine), failed in zip(jobs, ended, strict=True)
    }
    artifacts = {
        artifact.file: comparison.of(
            artifact, {machine: found[artifact.file, machine] for machine in machines}, pack
        )
        for artifact in content.artifacts
    }
    return {
        "schema": 1,
        "settings": {"images": len(pack.images), "batch_size": 1, "threads": 1},
        "host": {"cpu": cpuinfo.model().value, "target": target.of_this_cpu()},
        "emulator": emulator(),
        "cores": {name: core.board for name, core in CORES.items()},
        "exported_with": content.versions,
        "artifacts": artifacts,
    }


def prepare(bundle: Path, content: manifest.Manifest, home: Path) -> None:
    """Lay the bundle's files and the script where a board can read them, and a place for logits."""
    (home / "bundle").mkdir(parents=True, exist_ok=True)
    for name in (manifest.FILE, *content.names):
        shutil.copyfile(bundle / name, home / "bundle" / name)
    shutil.copyfile(SCRIPT, home / SCRIPT.name)
    (home / "logits").mkdir(exist_ok=True)
    Board(home.name, home).give(home / "logits")


def compute(artifact: manifest.Artifact, machine: str, count: int) -> str:
    """Compute an artifact's logits on a machine; return why there are none, '' if there are."""
    home = KEPT / machine
    arguments = [SCRIPT.name, "bundle", artifact.file, count, f"logits/{artifact.file}.npz"]
    if machine == HERE:
        command = [sys.executable, *map(str, arguments)]
    else:
        command = Board(machine, home).command("python3", *arguments, packages=(str(SITE),))
    click.echo(f"{machine:10} {artifact.file} ...", err=True)
    log = home / f"{artifact.file}.log"
    with log.open("w") as output:
        done = subprocess.run(
            command, cwd=home, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    last = (log.read_text(errors="replace").strip().splitlines() or ["nothing was said"])[-1]
    click.echo(f"{machine:10} {artifact.file}: {last if done.returncode else 'done'}", err=True)
    return f"exit code {done.returncode}: {last}" if done.returncode else ""


def kept(artifact: manifest.Artifact, machine: str) -> comparison.Answers:
    """Return what an artifact answered on a machine."""
    with np.load(KEPT / machine / "logits" / f"{artifact.file}.npz", allow_pickle=False) as arrays:
        return comparison.Answers(arrays["logits"], json.loads(str(arrays["made"])))


if __name__ == "__main__":
    main()
