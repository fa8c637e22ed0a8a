"""The emulated boards: which cores there are, where their system lies, and running commands there.

Emulation shows which wheels install, which instructions are illegal, which engines start and what
they compute, to the bit. It never shows how fast a board is.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from edge_runtime.bundle import manifest

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
BUILD = REPOSITORY / "build"
RESULTS = REPOSITORY / "benchmarks" / "results"
ROOT = BUILD / "arm64"
BUNDLE = BUILD / "arm64-bundle"
SITE = Path("/opt/site")
"""Inside the root: the packages that lay_root.py unpacked, for `PYTHONPATH`."""

USER = 1000


@dataclass(frozen=True)
class Core:
    """A core that the emulator knows, as the board that has it shows it.

    Attributes:
        board: its name.
        part: the CPU's part number, by which engines choose kernels.
        features: the CPU's, as Linux names them.
    """

    board: str
    part: str
    features: tuple[str, ...]


_V8 = ("fp", "asimd", "evtstrm", "crc32", "cpuid")
_CRYPTO = ("aes", "pmull", "sha1", "sha2")
_V82 = ("atomics", "fphp", "asimdhp", "asimdrdm", "lrcpc", "dcpop", "asimddp")
CORES = {
    "cortex-a53": Core("Raspberry Pi 3 Model B Plus Rev 1.3", "0xd03", _V8),
    "cortex-a72": Core("Raspberry Pi 4 Model B Rev 1.4", "0xd08", _V8),
    "cortex-a76": Core("Raspberry Pi 5 Model B Rev 1.0", "0xd0b", (*_V8, *_CRYPTO, *_V82)),
}


def require(bundle: Path, root: Path = ROOT) -> None:
    """Refuse what cannot work, before an hour is spent.

    Raises:
        ClickException: there is no root, no bundle, or no right to enter the one with the other.
    """
    if os.geteuid() != 0:
        raise click.ClickException("running on an emulated core needs root: use sudo.")
    if not (root / "etc/cores").is_dir():
        raise click.ClickException(f"{root} is no root: python benchmarks/arm64/lay_root.py")
    if not (bundle / manifest.FILE).is_file():
        raise click.ClickException(
            f"{bundle} is no bundle: cifarq-export --target arm64 --out {bundle.name}"
        )


def emulator() -> str:
    """Return the emulator's name and version."""
    said = subprocess.run(["qemu-aarch64-static", "--version"], capture_output=True, text=True)
    return " ".join(said.stdout.split()[:3])


def side_by_side(
    do: Callable[[_Item], _Done], items: Sequence[_Item], processes: int
) -> list[_Done]:
    """Do something with all items, so many at a time, and return what came of each, in order."""
    pool = ThreadPoolExecutor(processes)
    try:
        return list(pool.map(do, items))
    except KeyboardInterrupt:
        # Threads that wait for a board would go on to the next step; boards end with this process.
        click.echo("Interrupted.", err=True)
        os._exit(130)
    finally:
        pool.shutdown()


@dataclass(frozen=True)
class Board:
    """An emulated board.

    Attributes:
        core: a name in ``CORES``.
        home: the folder here that is the home of its user, the place where commands run.
        root: the system that lay_root.py laid.
    """

    core: str
    home: Path
    root: Path = ROOT

    def clear(self) -> None:
        """Make the home an empty folder."""
        if self.home.exists():
            shutil.rmtree(self.home)
        self.home.mkdir(parents=True)
        self.give(self.home)

    def give(self, path: Path) -> None:
        """Make a path in the home, and all below, the board's user's own."""
        below = path.rglob("*") if path.is_dir() else ()
        for one in (path, *below):
            os.chown(one, USER, USER, follow_symlinks=False)

    def command(
        self, *arguments: object, folder: str = ".", packages: tuple[str, ...] = ()
    ) -> list[str]:
        """Return the command that runs another on the board.

        Args:
            arguments: that command.
            folder: where it runs, from the home.
            packages: folders, on the board, that Python imports from.
        """
        path = [f"PYTHONPATH={':'.join(packages)}"] if packages else []
        board = [HERE / "on_core.sh", self.root, self.core, self.home]
        # With its parent it ends, however that ends: an orphan would compute for an hour.
        prefix = ["setpriv", "--pdeathsig=KILL", *board, "env", f"--chdir={folder}", *path]
        return [str(part) for part in (*prefix, *arguments)]

    def run(
        self, *arguments: object, timeout_s: float, **where: Any
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command, as ``command`` takes it; all its output, in order, is in ``stdout``.

        Raises:
            subprocess.TimeoutExpired: it took longer, and was killed.
        """
        return subprocess.run(
            self.command(*arguments, **where),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout_s,
        )
