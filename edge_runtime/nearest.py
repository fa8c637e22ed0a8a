"""The nearest known word to one that is not known: apart from the command, for children use it too.

Children find this package alone in ``edge-bench.pyz``; click, which lies in there too, they do not.
"""

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], cutoff: float = 0.5) -> str | None:
    """Return the nearest known word, if it is as near as ``cutoff``: 1 is the word itself."""
    return next(iter(difflib.get_close_matches(word, sorted(known), n=1, cutoff=cutoff)), None)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a sentence that names the nearest known word, or all of them."""
    choices = sorted(known)
    near = nearest(word, choices)
    return f"Did you mean {near!r}?" if near else f"Choose from: {', '.join(choices)}."
