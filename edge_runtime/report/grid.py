"""Headings and rows of text, drawn as a grid: for a terminal, or in GitHub's Markdown."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from edge_runtime.command import streams
from edge_runtime.printable import MOST_OF_A_LIST, in_markdown, one_line

_GAP = "  "
_HEADING_WIDTH = 12
_CELL_WIDTH = 200
_WIDTH = 100


def wrap(text: str) -> str:
    """Return a note as lines of a terminal, the second and later ones set in."""
    return _fill(one_line(text, MOST_OF_A_LIST), min(_WIDTH, streams.width() or _WIDTH))


def _fill(text: str, width: int, indent: str = "") -> str:
    return textwrap.fill(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


@dataclass(frozen=True)
class Grid:
    """A table of text.

    Attributes:
        headings: of all columns.
        rows: a text for each column.
        left: how many columns, from the first, are names and stand to the left.
        remarks: whether the last column is text, and stands to the left too.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int
    remarks: bool = False

    def text(self) -> list[str]:
        """Return lines for a terminal.

        Where it is narrower than the table, columns that do not fit stand in a table below, with
        the names again; where not even one fits beside the names, each row is a list of figures.
        """
        whole, room = self._draw(range(len(self.headings))), streams.width()
        if room is None or _fits(whole, room):
            return whole
        parts = self._split(room)
        if all(_fits(part, room) for part in parts):
            return [line for part in parts for line in ("", *part)][1:]
        return self._list(room)

    def markdown(self) -> list[str]:
        """Return lines of a Markdown table."""
        rules = ["---" if self._is_text(i) else "---:" for i in range(len(self.headings))]
        rows = [[*map(in_markdown, cells)] for cells in (self.headings, *self.rows)]
        return ["| " + " | ".join(cells) + " |" for cells in (rows[0], rules, *rows[1:])]

    def _draw(self, columns: Sequence[int]) -> list[str]:
        """Return the lines of some columns; a long heading takes a second line, to widen none."""
        names = [one_line(self.headings[i], _CELL_WIDTH) for i in columns]
        folded = [textwrap.wrap(name, _HEADING_WIDTH, break_long_words=False) for name in names]
        height = max(map(len, folded))
        head = [[""] * (height - len(parts)) + parts for parts in folded]
        lines = [[cells[i] for cells in head] for i in range(height)]
        lines += [[one_line(row[i], _CELL_WIDTH) for i in columns] for row in self.rows]
        widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
        drawn = [
            _GAP.join(
                cell.ljust(width) if self._is_text(i) else cell.rjust(width)
                for i, cell, width in zip(columns, line, widths, strict=True)
            ).rstrip()
            for line in lines
        ]
        drawn.insert(height, "─" * max(map(len, drawn)))
        return drawn

    def _split(self, room: int) -> list[list[str]]:
        """Return tables of as many columns as there is room for, the names in each."""
        names = [*range(self.left)]
        shown, drawn = [names], [self._draw(names)]
        for column in range(self.left, len(self.headings)):
            wider = self._draw([*shown[-1], column])
            if shown[-1] != names and not _fits(wider, room):
                shown.append(names)
                wider = self._draw([*names, column])
                drawn.append(wider)
            shown[-1] = [*shown[-1], column]
            drawn[-1] = wider
        return drawn

    def _list(self, room: int) -> list[str]:
        """Return each row as its first name and, set in below it, a line for each figure."""
        lines = []
        for row in self.rows:
            lines += [_fill(one_line(row[0], _CELL_WIDTH), room)]
            for heading, cell in zip(self.headings[1:], row[1:], strict=True):
                if cell:
                    lines += [_fill(one_line(f"{heading}: {cell}", _CELL_WIDTH), room, "  ")]
        return lines

    def _is_text(self, column: int) -> bool:
        return column < self.left or (self.remarks and column == len(self.headings) - 1)


def _fits(lines: list[str], room: int) -> bool:
    return max(map(len, lines)) <= room
