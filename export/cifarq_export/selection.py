"""Which artifacts were asked for, and which of those exist."""

from collections.abc import Sequence
from dataclasses import dataclass

from cifarq_export import formats
from edge_runtime.errors import UsageError, did_you_mean

DEFAULT_PRECISIONS = ("fp32", "fp16", "int8-dynamic", "int8-static")
ON_REQUEST = ("int8-dynamic-conv",)
"""Precisions that are not part of ``all``: known to be slow, and here to be measured."""
ALL = "all"


@dataclass(frozen=True)
class Selection:
    """What is written.

    Attributes:
        pairs: of format and precision.
        skipped: named pairs that do not exist, and were passed over.
        missing: formats that ``all`` leaves out, because what writes them is not installed.
        named: whether the precisions were named, rather than left to us.
    """

    pairs: tuple[tuple[str, str], ...]
    skipped: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    named: bool


def choose(
    format_: str | None, precisions: str | None, possible: Sequence[str] | None = None
) -> Selection:
    """Resolve what the command line asks for.

    A pair that does not exist is passed over where either side was left to us (no value, or
    ``all``), or has a pair all the same; it is refused where both were named.

    Args:
        format_: names separated by commas, ``all`` for those that can be written here, or None for
            the usual ones.
        precisions: names separated by commas, ``all``, or None for the default ones.
        possible: formats that the source can be written in; all if None.

    Raises:
        UsageError: a name or a named pair does not exist, or nothing is left.
    """
    exists = {name: formats.get(name).PRECISIONS for name in formats.names()}
    known = list(dict.fromkeys(p for supported in exists.values() for p in supported))
    usual = [precision for precision in known if precision not in ON_REQUEST]
    offered = [name for name in exists if possible is None or name in possible]
    missing_formats = tuple(name for name in offered if formats.missing(name))
    here = [name for name in offered if name not in missing_formats]
    usual_formats = [name for name in offered if not formats.is_on_request(name)]
    chosen_formats = _parse(format_, "format", list(exists), here, usual_formats)
    for name in chosen_formats:
        if name not in offered:
            raise UsageError(
                f"this model cannot be written as {name}, only as {', '.join(offered)}.",
                "Leave out --format.",
            )
    chosen_precisions = _parse(precisions, "precision", known, usual, list(DEFAULT_PRECISIONS))
    wanted = [(f, p) for f in chosen_formats for p in chosen_precisions]
    missing = tuple((f, p) for f, p in wanted if p not in exists[f])
    named = precisions is not None and ALL not in _split(precisions)
    pairs = tuple(pair for pair in wanted if pair not in missing)
    refused = [pair for pair in missing if _is_alone(pair, pairs)]
    if refused and ((named and format_ not in (None, ALL)) or not pairs):
        format_name, precision = refused[0]
        raise UsageError(
            f"{format_name} cannot be written as {precision}.",
            f"Choose from: {', '.join(exists[format_name])}.",
        )
    left_out = missing_formats if format_ is not None and ALL in _split(format_) else ()
    return Selection(pairs, missing if named else (), left_out, named)


def _is_alone(missing: tuple[str, str], pairs: tuple[tuple[str, str], ...]) -> bool:
    """Say whether a format or a precision of a pair that does not exist has no other pair."""
    format_, precision = missing
    return not any(f == format_ for f, _ in pairs) or not any(p == precision for _, p in pairs)


def _parse(
    text: str | None, kind: str, known: list[str], usual: list[str], default: list[str]
) -> list[str]:
    if text is None:
        return default
    names = _split(text)
    if ALL in names:
        return usual
    for name in names:
        if name not in known:
            raise UsageError(f"no {kind} {name!r}.", did_you_mean(name, [*known, ALL]))
    if not names:
        raise UsageError(f"--{kind} is empty.", did_you_mean("", [*known, ALL]))
    return list(dict.fromkeys(names))


def _split(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
