"""Text from elsewhere, made safe to show: one line, no control characters, no endless length.

A file's name, a manifest's words or an engine's message may hold anything: a newline that forges
a line of ours, an escape sequence that a terminal obeys, markup, or a spreadsheet's formula.
"""

import re
import unicodedata

MOST_CHARACTERS = 2_000
"""Of one message: long enough for any of ours."""

MOST_OF_A_LIST = 20_000
"""Of a sentence that names rows: a sweep may have a hundred."""

# Cc controls, Cf invisible formats (right-to-left overrides too), Cs surrogates, Zl and Zp breaks.
_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def one_line(text: str, most: int = MOST_CHARACTERS) -> str:
    r"""Return a text as one line: controls as escapes (``\n``, ``\x1b``), the middle cut if long.

    Args:
        text: from anywhere.
        most: characters that are kept.
    """
    if len(text) > most:
        head = most // 2
        text = f"{text[:head]} ... {text[len(text) - head :]}"
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text))


def in_markdown(text: str) -> str:
    """Return a text as one line of GitHub's Markdown that means itself, in a table's cell too."""
    plain = one_line(text, MOST_OF_A_LIST).replace("&", "&amp;").replace("<", "&lt;")
    # A ( after a ] would make a link or an image; a ] alone ends an interval.
    return re.sub(r"[\\`|*]|(?<=\])\(", r"\\\g<0>", plain)


def in_csv(text: str) -> str:
    """Return a text as one line that no spreadsheet takes for a formula: a ``'`` before ``=+-@``.

    Source: OWASP, CSV Injection.
    """
    plain = one_line(text, MOST_OF_A_LIST)
    return f"'{plain}" if plain.startswith(("=", "+", "-", "@")) else plain


def _shown(character: str) -> str:
    if unicodedata.category(character) not in _UNSAFE:
        return character
    return character.encode("unicode_escape").decode("ascii")
