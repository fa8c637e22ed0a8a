"""How far a run is, said while it measures."""

import sys
import time
from contextlib import ExitStack
from typing import Any

import click

from edge_runtime.command import streams
from edge_runtime.command.quantities import time_text
from edge_runtime.measure import self_check
from edge_runtime.measure.extras import Extra
from edge_runtime.measure.recording import Recording
from edge_runtime.measure.runner import Step
from edge_runtime.results.rows import Row


class Progress(ExitStack):
    """Says what each check found, and how far the run is, on standard error.

    Rounds have a bar where somebody watches. What comes after them takes long without a sign of
    life: a line says what is measured, and until when.
    """

    def __init__(self, record: Recording) -> None:
        super().__init__()
        self._names = self_check.names(record.plan)
        self._label, self._settings = record.results.label, record.plan.settings
        self._checked = 0
        self._bar: Any = None
        self._rounds_over = False

    def __call__(self, step: Step) -> None:
        """Say what a step tells."""
        if step.checked is not None:
            if not self._checked:
                streams.tell(self_check.HEADING)
            self._checked += 1
            name = self._names[step.checked.key]
            streams.tell(self_check.line(step.checked, name))
        elif step.begins is not None:
            self.close()  # the bar's line ends
            self._rounds_over = True
            streams.tell(self._begin_line(*step.begins))
        elif sys.stderr.isatty() and not self._rounds_over:
            if self._bar is None:
                bar = click.progressbar(length=step.total, label="measuring", file=sys.stderr)
                self._bar = self.enter_context(bar)
            self._bar.length = step.total
            self._bar.update(step.turns - self._bar.pos)

    def _begin_line(self, extra: Extra, row: Row) -> str:
        seconds = extra.takes_s(self._settings)
        until = time.strftime("%H:%M", time.localtime(time.time() + seconds))
        return f"{extra.name}: {self._label(row)}, {time_text(seconds)}, until about {until}"
