"""Every error a user can meet, each owning the exit code it ends a command with.

    ToolkitError                1  it was tried, and failed
    ├── DataError               1  images or labels that cannot be used
    ├── CheckpointError         1  weights that cannot be used (cifarq)
    ├── BundleError             1  a bundle or manifest that cannot be trusted
    ├── EngineError             1  an engine that is missing or refused an artifact
    ├── RecordingError          1  results that cannot be kept while they are measured
    ├── ExportError             1  an artifact that could not be written or is not faithful
    └── UsageError              2  the command line asks for something that does not exist

``what`` says what is wrong and which value it was, ``remedy`` what to do about it; the message is
both. Whoever shows an error asks for the part that it wants, and cuts no message apart.
"""

import difflib
from collections.abc import Iterable


class ToolkitError(Exception):
    """Base of the errors that a command turns into one line and an exit code.

    Args:
        what: what is wrong, and which value it was.
        remedy: what to do about it; empty where ``what`` says it all.
    """

    exit_code = 1

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(f"{what} {remedy}" if remedy else what)
        self.what = what
        self.remedy = remedy


class DataError(ToolkitError):
    """Images or labels that are missing, truncated or of the wrong shape."""


class CheckpointError(ToolkitError):
    """A checkpoint that is missing, damaged, or does not fit its architecture."""


class BundleError(ToolkitError):
    """A bundle whose manifest or files are missing, damaged or point outside it."""


class EngineError(ToolkitError):
    """An engine that is not installed or that refused an artifact."""


class RecordingError(ToolkitError):
    """A results file that can no longer be written: a full disk, say."""


class ExportError(ToolkitError):
    """An artifact that could not be written, or that does not compute what its model does."""


class UsageError(ToolkitError):
    """A request for something that does not exist; the command line has to change."""

    exit_code = 2


def reason(error: BaseException) -> str:
    """Return the first line of an exception's message, or its type's name if it has none.

    The system's own errors are said without their number and file.
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def nearest(word: str, known: Iterable[str], cutoff: float = 0.5) -> str | None:
    """Return the nearest known word, if it is as near as ``cutoff``: 1 is the word itself."""
    return next(iter(difflib.get_close_matches(word, sorted(known), n=1, cutoff=cutoff)), None)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a sentence that names the nearest known word, or all of them."""
    choices = sorted(known)
    near = nearest(word, choices)
    return f"Did you mean {near!r}?" if near else f"Choose from: {', '.join(choices)}."
