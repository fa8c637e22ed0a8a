"""The measured tables in README.md: each stands between two marks, and is replaced there."""

from pathlib import Path

from edge_runtime.files import write_text

README = Path(__file__).resolve().parent.parent / "README.md"


def put(block: str) -> None:
    """Replace a block in README.md by its new text, whose first and last lines are its marks."""
    begin, *_, end = block.splitlines()
    before, _, rest = README.read_text().partition(begin)
    _, found, after = rest.partition(end)
    if found:
        write_text(README, f"{before}{block}{after}")
