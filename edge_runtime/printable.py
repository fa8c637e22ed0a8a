"""Text from elsewhere, made safe to show: one line, no control characters, no endless length.

A file's name, a manifest's words or an engine's message may hold anything: a newline that forges
a line of ours, or an escape sequence that a terminal obeys.
"""

import unicodedata

MOST_CHARACTERS = 2_000
"""Of one message: long enough for any of ours."""

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


def _shown(character: str) -> str:
    if unicodedata.category(character) not in _UNSAFE:
        return character
    return character.encode("unicode_escape").decode("ascii")
