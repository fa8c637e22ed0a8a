"""Which artifacts were asked for, and which of those exist."""

from dataclasses import dataclass

from cifarq_export import formats
from edge_runtime.command import did_you_mean
from edge_runtime.errors import UsageError

DEFAULT_PRECISIONS = ("fp32", "int8-dynamic")
ALL = "all"


@dataclass(frozen=True)
class Selection:
    """Pairs of format and precision to write, and pairs that were passed over."""

    pairs: tuple[tuple[str, str], ...]
    skipped: tuple[tuple[str, str], ...]


def choose(format_: str | None, precisions: str | None) -> Selection:
    """Resolve what the command line asks for.

    A pair that does not exist is passed over where either side was left to us (no value, or
    ``all``), and refused where both were named.

    Args:
        format_: a format's name, ``all``, or None.
        precisions: names separated by commas, ``all``, or None for the default ones.

    Raises:
        UsageError: a name or a named pair does not exist, or nothing is left.
    """
    exists = {name: formats.get(name).PRECISIONS for name in formats.names()}
    known = sorted({precision for supported in exists.values() for precision in supported})
    chosen_formats = _parse(format_, "format", list(exists), list(exists))
    chosen_precisions = _parse(precisions, "precision", known, list(DEFAULT_PRECISIONS))
    wanted = [(f, p) for f in chosen_formats for p in chosen_precisions]
    missing = tuple((f, p) for f, p in wanted if p not in exists[f])
    named = format_ not in (None, ALL) and precisions not in (None, ALL)
    pairs = tuple(pair for pair in wanted if pair not in missing)
    if missing and (named or not pairs):
        format_name, precision = missing[0]
        raise UsageError(
            f"{format_name} cannot be written as {precision}; it can be "
            f"{', '.join(exists[format_name])}."
        )
    return Selection(pairs, missing)


def _parse(text: str | None, kind: str, known: list[str], default: list[str]) -> list[str]:
    if text is None:
        return default
    names = [name.strip() for name in text.split(",") if name.strip()]
    if ALL in names:
        return known
    for name in names:
        if name not in known:
            raise UsageError(f"no {kind} {name!r}. {did_you_mean(name, [*known, ALL])}")
    if not names:
        raise UsageError(f"--{kind} is empty. {did_you_mean('', [*known, ALL])}")
    return list(dict.fromkeys(names))
