"""The nearest known word to one that is not known: apart from the command, for children use it too.

Children find this package alone in ``edge-bench.pyz``; click, which lies in there too, they do not.
"""

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a sentence that names the nearest known word, or all of them."""
    choices = sorted(known)
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.5)
    return f"Did you mean {near[0]!r}?" if near else f"Choose from: {', '.join(choices)}."
