"""Progress bars on standard error: for training, and for anything that counts images."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

from cifarq.training.report import Epoch, Progress
from edge_runtime.command import streams
from edge_runtime.printable import one_line


class TrainingBar(Progress):
    """One bar over all steps of a run, with its ETA, and a line for each epoch."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._bar: tqdm[None] | None = None
        self._reached = ""

    def notice(self, line: str) -> None:
        """Write the line."""
        streams.tell(line)

    def step(self, epoch: int, done: int, total: int) -> None:
        """Move the bar to the step that was done; the first call makes it, resumed or not."""
        if self._bar is None:
            before = (epoch - 1) * total
            self._bar = tqdm(
                total=self._epochs * total, initial=before, unit="step", disable=_hidden()
            )
        self._bar.set_description(f"epoch {epoch}/{self._epochs}{self._reached}", refresh=False)
        self._bar.update()

    def epoch(self, epoch: Epoch) -> None:
        """Write what the epoch came to above the bar."""
        tqdm.write(
            f"epoch {epoch.number}/{self._epochs}: loss {epoch.loss:.3f}, validation top-1 "
            f"{100 * epoch.validation_top1:.2f} %, {epoch.seconds:.0f} s",
            file=sys.stderr,
        )
        self._reached = f", validation {100 * epoch.validation_top1:.1f} %"
        if epoch.number == self._epochs and self._bar is not None:
            self._bar.close()


@contextmanager
def counting(total: int, what: str, unit: str = "image") -> Iterator[Callable[[int], object]]:
    """Show a bar while something counts up to ``total``; yields what to call with each advance."""
    with tqdm(total=total, desc=one_line(what), unit=unit, leave=False, disable=_hidden()) as bar:
        yield bar.update


def _hidden() -> bool:
    """No bar where nobody watches: a log file keeps the lines alone."""
    return not sys.stderr.isatty()


@contextmanager
def stages() -> Iterator[Callable[[str, int, int], object]]:
    """Show a bar for each of several things in turn.

    Yields what to call with its name, the advance since the last call, and its total; another name
    than before starts another bar.
    """
    current: dict[str, tqdm[None]] = {}
    left = 0

    def advance(what: str, done: int, total: int) -> None:
        nonlocal left
        if what not in current or left <= 0:
            for bar in current.values():
                bar.close()
            current.clear()
            current[what] = tqdm(total=total, desc=one_line(what), leave=False, disable=_hidden())
            left = total
        current[what].update(done)
        left -= done

    try:
        yield advance
    finally:
        for bar in current.values():
            bar.close()
