"""Does a bundle for Arm work on Arm? On emulated Cortex-A53, A72 and A76, as on a Raspberry Pi.

    python benchmarks/arm64/check.py                 all three, two at a time, as root

    python benchmarks/arm64/check.py --core cortex-a76

Each core gets the bundle in an empty home, the system's Python without a package, and no network.
There: ``setup-device.sh``, ``edge-bench doctor``, a measurement with ``--emulated``, ``classify``,
and the runtime's own tests. A step is a line with its result and seconds; what failed shows what it
said, and the exit code is 1. Where every step of every core went well, what they said is written to
``arm64_check.json`` and, drawn from it, ``arm64_check.md``.
"""

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from subprocess import TimeoutExpired

import check_record
import click
import steps
from board import BUILD, BUNDLE, CORES, RESULTS, ROOT, Board, emulator, require, side_by_side
from steps import StepError

from edge_runtime.bundle import manifest
from edge_runtime.files import write_text

STEPS: dict[str, Callable[[Board], str]] = {
    "bare system": steps.bare,
    "setup-device.sh": steps.set_up,
    "doctor": steps.doctor,
    "measure": steps.measure,
    "classify": steps.classify,
    "tests": steps.tests,
}


@click.command(help=__doc__)
@click.option("--core", "cores", multiple=True, type=click.Choice(list(CORES)), help="Only this.")
@click.option("--step", "names", multiple=True, type=click.Choice(list(STEPS)), help="Only this.")
@click.option("--bundle", default=BUNDLE, type=click.Path(path_type=Path), help="For arm64.")
@click.option("--root", default=ROOT, type=click.Path(path_type=Path), help="From lay_root.py.")
@click.option("--processes", default=2, show_default=True, help="Cores at a time.")
@click.option("--out", default=RESULTS, type=click.Path(path_type=Path), help="For the record.")
def main(
    cores: tuple[str, ...],
    names: tuple[str, ...],
    bundle: Path,
    root: Path,
    processes: int,
    out: Path,
) -> None:
    """Check each core; the steps of one are taken one after the other."""
    require(bundle, root)
    boards = [Board(core, BUILD / "arm64-boards" / core, root) for core in cores or CORES]
    check = partial(check_board, bundle=bundle, names=names or tuple(STEPS))
    taken = [step for of_board in side_by_side(check, boards, processes) for step in of_board]
    if failed := sum(said is None for _, _, said in taken):
        raise click.ClickException(f"{failed} of {len(taken)} steps failed.")
    click.echo("Everything works on every core. Nothing here says how fast a board is.")
    if len(taken) == len(CORES) * len(STEPS):
        steps_taken = [(core, name, said) for core, name, said in taken if said is not None]
        kept = check_record.record(steps_taken, manifest.read(bundle).versions, emulator())
        out.mkdir(parents=True, exist_ok=True)
        write_text(out / "arm64_check.json", json.dumps(kept, indent=1) + "\n")
        write_text(out / "arm64_check.md", check_record.markdown(kept))


def check_board(
    board: Board, bundle: Path, names: tuple[str, ...]
) -> list[tuple[str, str, str | None]]:
    """Take the steps on a fresh board; return core, step and what it said, None where it failed."""
    board.clear()
    steps.lay(board, bundle)
    return [(board.core, name, take(board, name)) for name in names]


def take(board: Board, name: str) -> str | None:
    """Take a step, print its line, and return what it said if it went well."""
    started = time.monotonic()
    try:
        said, output = STEPS[name](board), ""
    except StepError as error:
        said, output = f"FAILED: {error}", error.output
    except TimeoutExpired as error:
        said, output = f"FAILED: took more than {error.timeout:.0f} s", str(error.output or "")
    line = f"{board.core}  {name:15} {time.monotonic() - started:5.0f} s  {said}"
    indented = "".join(f"\n    {one}" for one in output.splitlines())
    click.echo(line + indented)
    return None if said.startswith("FAILED") else said


if __name__ == "__main__":
    main()
