"""Results that people with boards send: may they be kept, and the table of those that are.

    python benchmarks/boards.py check pi5-8gb.json      may this file be kept?
    python benchmarks/boards.py draw                    writes boards.md from the files kept

A file is what `edge-bench --json FILE` wrote on a board; README.md beside the files says how to
make one. The verdict in it is not believed, but computed anew from its samples.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from edge_runtime.bundle import manifest
from edge_runtime.errors import ToolkitError
from edge_runtime.files import write_text
from edge_runtime.report import columns, references
from edge_runtime.results import document, verdict
from edge_runtime.results.rows import Results, Row
from edge_runtime.results.verdict import Grade

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "results" / "boards"
DRAWN = "boards.md"
LARGEST_BYTES = 20_000_000
ROUNDS = 10
"""So many fresh processes a row give a ratio its interval, and are edge-bench's own default."""

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+\.json")
BOARD = re.compile(r"Raspberry Pi (?:Zero 2|Compute Module [0-9]+|[0-9]+)")
PRIVATE = re.compile(r"(?<![\w.])/(?:root|home|Users|work|tmp|mnt|media)/[^\s\"]*")
HEADINGS = ("board", "artifact", "p50 ms", "speed vs FP32", "top-1 %", "verdict")


@dataclass(frozen=True)
class Checked:
    """A file that was looked at.

    Attributes:
        refused: why it may not be kept, a line each; it may where there is none.
        notes: what a reader is told, and what keeps nobody out.
        results: what it holds, if that can be read.
    """

    refused: tuple[str, ...]
    notes: tuple[str, ...] = ()
    results: Results | None = None


@click.group(help=__doc__)
def main() -> None:
    """Hold the subcommands."""


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Say of each of FILES whether it may be kept; exit 1 where one may not."""
    found = {file: checked(file) for file in files}
    for file, one in found.items():
        lines = [f"refused: {why}" for why in one.refused] or ["may be kept"]
        for line in (*lines, *(f"note: {note}" for note in one.notes)):
            click.echo(f"{file.name}: {line}")
    raise SystemExit(1 if any(one.refused for one in found.values()) else 0)


@main.command()
@click.option("--folder", default=FOLDER, type=click.Path(path_type=Path), help="Of the files.")
def draw(folder: Path) -> None:
    """Write boards.md from the files that are kept; exit 1 where one may not be."""
    found = {file: checked(file) for file in kept(folder)}
    if refused := [f"{file.name}: {why}" for file, one in found.items() for why in one.refused]:
        raise click.ClickException("\n".join(refused))
    drawn = markdown({file.name: one.results for file, one in found.items() if one.results})
    write_text(folder / DRAWN, drawn)
    click.echo(drawn)


def kept(folder: Path = FOLDER) -> list[Path]:
    """Return the results files in a folder."""
    return sorted(folder.glob("*.json"))


def checked(file: Path) -> Checked:
    """Look at a file."""
    try:
        size = file.stat().st_size
        if size > LARGEST_BYTES:
            return Checked((f"{size / 1e6:.1f} MB; at most {LARGEST_BYTES / 1e6:.0f} MB are kept",))
        results = document.read(file)
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        return Checked((f"cannot be read: {error.strerror}",))
    except ToolkitError as error:
        return Checked((str(error).replace(str(file), "the file"),))
    refused = (*_named(file.name, results), *_measured(results), *_private(text))
    return Checked(refused, tuple(_notes(results)), results)


def _named(name: str, results: Results) -> Iterator[str]:
    if not NAME.fullmatch(name):
        yield "its name is not BOARD-DETAIL.json in lower case, as in pi5-8gb.json"
    elif (board := BOARD.match(_board(results))) and not name.startswith(f"{_short(board[0])}-"):
        yield f"it was measured on a {board[0]}: call it {_short(board[0])}-DETAIL.json"


def _short(board: str) -> str:
    """Return what files call a board: ``pi5``, ``pizero2``, ``picm4``."""
    short = board.removeprefix("Raspberry Pi ").replace("Compute Module", "cm")
    return f"pi{short.replace(' ', '').lower()}"


def _measured(results: Results) -> Iterator[str]:
    settings, judged = results.settings, verdict.of_run(results)
    emulated = getattr(settings, "emulated", False) or "(emulated)" in _board(results)
    virtual = _virtualisation(results)
    if emulated:
        yield "it was measured on an emulated CPU, which says nothing of a board's speed"
    if virtual not in (None, "none"):
        where = f"in a {virtual.removeprefix('in a ')}"
        yield f"it was measured {where}: measure on the board itself"
    if not BOARD.match(_board(results)):
        yield (
            f"no board that is known: its processor is called {_board(results) or 'nothing'!r}, "
            "expected one like 'Raspberry Pi 5 Model B Rev 1.0'"
        )
    if not results.finished:
        yield f"{results.rounds_done} of {settings.rounds} rounds: go on with --resume"
    if settings.rounds < ROUNDS:
        yield f"{settings.rounds} rounds; give --rounds {ROUNDS} or more"
    if judged.grade is Grade.INVALID and not emulated:
        yield f"its verdict is INVALID: {judged.reasons[0]}"


def _private(text: str) -> Iterator[str]:
    if found := PRIVATE.search(text):
        yield f"it names a path of your machine ({found[0]:.60}): measure again from another folder"


def _notes(results: Results) -> Iterator[str]:
    if _virtualisation(results) is None:
        yield "whether this is a virtual machine is unknown"
    judged = verdict.of_run(results)
    if judged.grade is Grade.SUSPECT:
        yield from (f"SUSPECT: {reason}" for reason in judged.reasons)
    known = released()
    for row in results.rows:
        if row.sha256 not in known:
            yield f"{_cell(row.file)} is of no bundle of ours that is known here"


def released() -> set[str]:
    """Return the hashes of the artifacts that were shipped or recorded here."""
    found = {artifact.sha256 for artifact in manifest.read(HERE / "seed-cnn-int8-bundle").artifacts}
    recorded = HERE / "results" / "arm64.json"
    if recorded.exists():
        found |= {one["sha256"] for one in json.loads(recorded.read_text())["artifacts"].values()}
    return found


def markdown(found: dict[str, Results]) -> str:
    """Return the table over all files, by file name."""
    lines = [
        "# Measured on boards",
        "",
        "Drawn by `python benchmarks/boards.py draw` from the files beside it; do not edit. How to "
        "send one is in [README.md](README.md).",
        "",
    ]
    if not found:
        return "\n".join([*lines, "None yet.", ""])
    lines += [_line(HEADINGS), _line(["---", "---", *["---:"] * 3, "---"])]
    for name, results in sorted(found.items()):
        lines += [_line(cells) for cells in _rows(name, results)]
    return "\n".join([*lines, "", "Brackets hold 95 % intervals; speed is paired by round.", ""])


def _rows(name: str, results: Results) -> Iterator[list[str]]:
    """Yield the cells of a file's rows."""
    compared = references.find(results)
    for row, judged in zip(results.rows, verdict.of_rows(results), strict=True):
        own = compared.of(row) is row
        yield [
            f"{_cell(_board(results))} ({name.removesuffix('.json')})",
            _cell(results.label(row)),
            columns.p50_ms(row),
            "1" if own else columns.ratio(compared.speed(row)),
            _top1(row),
            judged.grade.name if row.ran else _cell(row.status),
        ]


def _top1(row: Row) -> str:
    counts = row.accuracy.get("data") or row.accuracy
    return f"{100 * counts['right'] / counts['images']:.1f}" if counts else columns.UNKNOWN


def _line(cells: "tuple[str, ...] | list[str]") -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """Return text that somebody sent as a cell: nothing in it is markup."""
    return re.sub(r"[^\w .,:#()+-]", "?", text)[:80]


def _board(results: Results) -> str:
    return results.host.get("cpu") or ""


def _virtualisation(results: Results) -> str | None:
    reading = results.state.get("before", {}).get("virtualisation") or {}
    found: str | None = reading.get("value")
    return found


if __name__ == "__main__":
    main()
