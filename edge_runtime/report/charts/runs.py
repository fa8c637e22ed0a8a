"""What is drawn: results files, and a colour and a shape for each artifact in all charts alike."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from edge_runtime.printable import one_line
from edge_runtime.report import view
from edge_runtime.report.view import View
from edge_runtime.results.comparison import short_names
from edge_runtime.results.rows import Results, Row, Status

COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#7F7F7F",
    "#7A5FB5",
)
"""Told apart with each kind of colour blindness, on white and on black. A ninth family has the
first one's colour: names stand beside marks. Source: M. Okabe and K. Ito 2008, Color Universal
Design; the yellow and the black of it, which vanish on one of the grounds, are a grey and a violet.
"""

_SHAPES = {"fp32": "circle", "int8-static": "diamond", "int8-dynamic": "square"}
_OTHER_SHAPE = "triangle-up"
_LONGEST = 64
"""Characters of a name that stands in a chart."""


@dataclass(frozen=True)
class Run:
    """One results file.

    Attributes:
        name: of the file, as short as tells it from the others.
        results: what was measured.
        view: its table, verdict and notes.
        colours: by the family of an artifact: format and engine.
        swept: whether rows at other settings were left out.
    """

    name: str
    results: Results
    view: View
    colours: dict[tuple[str, str], str]
    swept: bool = False

    @property
    def ran(self) -> list[Row]:
        """The rows with samples."""
        return [row for row in self.results.rows if row.ran]

    @cached_property
    def least(self) -> "Run":
        """The same with each artifact at its fewest threads and smallest batch alone."""
        first: dict[tuple[object, ...], Row] = {}
        for row in sorted(self.ran, key=lambda row: (row.threads, row.batch_size)):
            first.setdefault(artifact(row), row)
        rows = tuple(row for row in self.ran if row is first[artifact(row)])
        swept = len(rows) < len(self.ran)
        return replace(self, results=replace(self.results, rows=rows), swept=swept)

    def label(self, row: Row) -> str:
        """Return what a row is called here."""
        return one_line(self.results.label(row), _LONGEST)

    def colour(self, row: Row) -> str:
        """Return the colour of its family."""
        return self.colours[row.format, row.engine]

    def about(self, row: Row) -> str:
        """Return its settings as one line: what is shown beside a figure."""
        parts = [f"{row.engine} {row.engine_version}".strip(), f"batch {row.batch_size}"]
        parts += [f"{row.threads} thread{'' if row.threads == 1 else 's'}"]
        parts += [f"{name} {value}" for name, value in sorted(row.knobs.items())]
        if row.status is not Status.OK:
            parts.append(row.status.value)
        return one_line(", ".join(parts), 200)

    def marks(self, row: Row, *figures: str) -> dict[str, str]:
        """Return what each mark of a row has: label, colour, shape and what hovering shows."""
        return {
            "row": "/".join(map(str, row.key)),
            "label": self.label(row),
            "colour": self.colour(row),
            "shape": shape(row),
            "hover": "\n".join([self.label(row), *figures, self.about(row)]),
        }


def artifact(row: Row) -> tuple[object, ...]:
    """Return what tells a row's artifact, and how it is run, from others: not batch and threads."""
    return row.bundle, row.file, row.engine, tuple(sorted(row.knobs.items()))


def shape(row: Row) -> str:
    """Return the shape of a row's precision."""
    return _SHAPES.get(row.precision, _OTHER_SHAPE)


def of(files: Sequence[tuple[Path, Results]]) -> list[Run]:
    """Return files ready to be drawn.

    Args:
        files: where each lies, and what it holds.
    """
    names = short_names([path for path, _ in files])
    rows = [row for _, results in files for row in results.rows]
    families = dict.fromkeys((row.format, row.engine) for row in rows)
    colours = {family: COLOURS[i % len(COLOURS)] for i, family in enumerate(families)}
    return [
        Run(one_line(name, 200), results, view.of(results), colours)
        for name, (_, results) in zip(names, files, strict=True)
    ]
