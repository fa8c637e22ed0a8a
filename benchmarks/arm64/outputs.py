"""What do a bundle's artifacts compute on Arm? The same files, on three emulated cores and here.

    python benchmarks/arm64/outputs.py                64 golden images, as root

    python benchmarks/arm64/outputs.py --images 32    as it was recorded

Every artifact answers the golden images one a call on every engine that reads it and is installed
here, in a process of its own, on each core and on this machine. The logits are kept under build/,
so that a rerun goes on. Writes ``arm64.json`` (what was counted; no time is in it) and ``arm64.md``
(drawn from it alone); ``--render`` only draws. The exit code is 1 where an artifact strays from
what is expected of it.
"""

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import click
import comparison
import numpy as np
from board import BUILD, BUNDLE, CORES, RESULTS, SITE, Board, emulator, require, side_by_side
from comparison import HERE

from edge_runtime import engines
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
    subjects = [Subject(one, name) for one in content.artifacts for name in runners(one)]
    jobs = list(product(subjects, machines))
    ended = side_by_side(lambda job: compute(*job, len(pack.images)), jobs, processes)
    found = {
        (subject.label, machine): failed or kept(subject, machine)
        for (subject, machine), failed in zip(jobs, ended, strict=True)
    }
    artifacts = {
        subject.label: comparison.of(
            subject.artifact, subject.engine, {m: found[subject.label, m] for m in machines}, pack
        )
        for subject in subjects
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


@dataclass(frozen=True)
class Subject:
    """An artifact on one of the engines that read it."""

    artifact: manifest.Artifact
    engine: str

    @property
    def label(self) -> str:
        """What it is called: the engine that checked the artifact at export is not named."""
        file = self.artifact.file
        return file if self.engine == self.artifact.engine else f"{file} on {self.engine}"


def runners(artifact: manifest.Artifact) -> list[str]:
    """Return the engines that read an artifact here, the one that checked it first."""
    own = artifact.engine
    return [name for name in engines.runners(artifact.format, own) if engines.is_installed(name)]


def prepare(bundle: Path, content: manifest.Manifest, home: Path) -> None:
    """Lay the bundle's files and the script where a board can read them, and a place for logits."""
    (home / "bundle").mkdir(parents=True, exist_ok=True)
    for name in (manifest.FILE, *content.names):
        shutil.copyfile(bundle / name, home / "bundle" / name)
    shutil.copyfile(SCRIPT, home / SCRIPT.name)
    (home / "logits").mkdir(exist_ok=True)
    Board(home.name, home).give(home / "logits")


def compute(subject: Subject, machine: str, count: int) -> str:
    """Compute an artifact's logits on a machine; return why there are none, '' if there are."""
    home, file = KEPT / machine, subject.artifact.file
    out = f"logits/{subject.label}.npz"
    arguments = [SCRIPT.name, "bundle", file, subject.engine, count, out]
    if machine == HERE:
        command = [sys.executable, *map(str, arguments)]
    else:
        command = Board(machine, home).command("python3", *arguments, packages=(str(SITE),))
    click.echo(f"{machine:10} {subject.label} ...", err=True)
    log = home / f"{subject.label}.log"
    with log.open("w") as output:
        done = subprocess.run(
            command, cwd=home, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    last = (log.read_text(errors="replace").strip().splitlines() or ["nothing was said"])[-1]
    click.echo(f"{machine:10} {subject.label}: {last if done.returncode else 'done'}", err=True)
    return f"{ending(done.returncode)}: {last}" if done.returncode else ""


def ending(code: int) -> str:
    """Return an exit code in words; a shell's is 128 and the signal that ended its command."""
    number = -code if code < 0 else code - 128
    names = {one.value: one.name for one in signal.Signals}
    return f"ended by {names[number]}" if number in names else f"exit code {code}"


def kept(subject: Subject, machine: str) -> comparison.Answers:
    """Return what an artifact answered on a machine."""
    file = KEPT / machine / "logits" / f"{subject.label}.npz"
    with np.load(file, allow_pickle=False) as arrays:
        return comparison.Answers(arrays["logits"], json.loads(str(arrays["made"])))


if __name__ == "__main__":
    main()
