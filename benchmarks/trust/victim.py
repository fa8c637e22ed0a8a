"""A run of edge-bench that is going to be killed, or whose measuring process is."""

import os
import signal
import subprocess
import time
from pathlib import Path

import experiment
import processes

from edge_runtime.results import document
from edge_runtime.results.rows import Results

PATIENCE_S = 60
QUICK = ["--min-runs", "20", "--min-time", "0", "--accuracy-images", "10", "--batch-size", "1,2"]


class Victim:
    """A run that will be killed: its command, result file and log.

    Args:
        what: the artifact.
        rounds: so many.
        folder: an empty one, for file and log.
    """

    def __init__(self, what: Path, rounds: int, folder: Path) -> None:
        self.file, self._log, self._folder = folder / "results.json", folder / "log", folder
        self._arguments = ["run", str(what), "--json", str(self.file), "--rounds", str(rounds)]

    def start(self, *more: str) -> "subprocess.Popen[bytes]":
        """Start it in a process group of its own."""
        command = experiment.script("kill_target.py", self._log, *self._arguments, *QUICK, *more)
        return subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0
        )

    def logged(self) -> tuple[int, int]:
        """Return the turns, and the rounds, that the run said were behind it."""
        lines = self._log.read_text().split("\n")[:-1] if self._log.exists() else []
        pairs = [tuple(map(int, line.split())) for line in lines]
        return (max(column) for column in zip(*pairs, strict=True)) if pairs else (0, 0)

    def results(self) -> Results | None:
        """Return what the result file holds; None where there is none yet."""
        return document.read(self.file) if self.file.exists() else None

    def leftovers(self) -> int:
        """Return how many temporary files lie there."""
        return sum(path.name.endswith(".part") for path in self._folder.iterdir())


def kill(process: "subprocess.Popen[bytes]", kind: str, delay_s: float) -> float | None:
    """Kill after a delay, or as soon as there is a child; return when, None where all is over."""
    started = time.monotonic()
    time.sleep(delay_s)
    while process.poll() is None:
        find = processes.running if kind == "parent" else processes.child_of
        victim = find(process.pid)
        if victim is not None:
            os.kill(victim, signal.SIGKILL)
            return time.monotonic() - started
    return None


def end(process: "subprocess.Popen[bytes]") -> int | None:
    """Wait for a run's end; return its exit code, None where it hangs and was ended here."""
    try:
        return process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        sweep(process)
        process.wait()
        return None


def sweep(process: "subprocess.Popen[bytes]") -> None:
    """End whatever is left of a run's process group."""
    if any(one.group == process.pid for one in processes.alive()):
        os.killpg(process.pid, signal.SIGKILL)
