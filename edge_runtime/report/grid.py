"""Headings and rows of text, drawn as a grid: for a terminal, or in GitHub's Markdown."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

_GAP = "  "
_HEADING_WIDTH = 12
_WIDTH = 100


def wrap(text: str) -> str:
    """Return a note as lines of a terminal, the second and later ones set in."""
    return textwrap.fill(
        text, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
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
        """Return lines for a terminal; a long heading takes a second line, to widen no column."""
        folded = [textwrap.wrap(h, _HEADING_WIDTH, break_long_words=False) for h in self.headings]
        height = max(map(len, folded))
        head = [[""] * (height - len(parts)) + parts for parts in folded]
        lines = [[cells[i] for cells in head] for i in range(height)] + [*map(list, self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        drawn = [
            _GAP.join(
                cell.ljust(width) if self._is_text(i) else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        drawn.insert(height, "─" * max(map(len, drawn)))
        return drawn

    def markdown(self) -> list[str]:
        """Return lines of a Markdown table."""
        rules = ["---" if self._is_text(i) else "---:" for i in range(len(self.headings))]
        return ["| " + " | ".join(cells) + " |" for cells in (self.headings, rules, *self.rows)]

    def _is_text(self, column: int) -> bool:
        return column < self.left or (self.remarks and column == len(self.headings) - 1)
