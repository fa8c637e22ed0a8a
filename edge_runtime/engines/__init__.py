"""Engines, one a file: adding a file here adds an engine, named like the file.

A file defines::

    FORMATS: tuple[str, ...]           the formats that it reads
    PRECISIONS: tuple[str, ...]        the precisions that it runs
    REQUIRES: str                      the module it imports, and only inside a child process
    INSTALL: str                       the command that installs it
    WHEEL: str                         the requirement of the wheel that travels with a bundle
    ASKED_FOR: str                     the exporter's option without which that wheel stays at home
    PROCESS_BYTES: int                 memory of a process with it and a small model, roughly
    load(content, name, options) -> Session     opens an artifact from bytes whose hash was checked
    version() -> str

and may define::

    WHEEL_NOTE: str                    what its wheel costs: its size
    KNOBS: dict[str, tuple[str, ...]]  what may be tuned, and its values, the default first
    no_wheel(machine) -> str           why no wheel of it can travel to a machine; '' if one can
    checks(precisions) -> list[Check]  what else artifacts of these precisions need of it
    profile(content, name, options, batch, seconds) -> Calls
                                       what its profiler tells of the operators of some calls
    products(side, threads) -> dict    calls that multiply two matrices, by precision: what
                                       profiled operators are held against

Nothing outside this folder knows an engine's name: an artifact has a format, and runs on every
engine that reads it.
"""

import contextlib
import functools
import importlib
import importlib.metadata
import importlib.util
import pkgutil
import platform
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

from edge_runtime.errors import EngineError, reason
from edge_runtime.printable import one_line

if TYPE_CHECKING:  # what is missing is said without numpy, which may be missing too
    import numpy as np
    from numpy.typing import NDArray


_MACHINES = ("x86_64", "aarch64")
"""On Linux, those that PyPI has wheels of every engine for."""


class Session(Protocol):
    """A loaded artifact; ``details``, if it has them, say how it runs: names and values."""

    def run(self, batch: "NDArray[np.float32]") -> "NDArray[Any]":
        """Map (N, C, H, W) float32 to logits (N, classes)."""


@dataclass(frozen=True)
class Options:
    """How an engine is to run an artifact.

    Attributes:
        threads: how many it may use.
        precision: the artifact's: what is computed in, where the engine has a choice.
        knobs: values of the engine's ``KNOBS``; of those that are left out the default.
    """

    threads: int = 1
    precision: str = "fp32"
    knobs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """Something else that artifacts need of an engine on this device.

    Attributes:
        name: what was checked.
        text: what came of it.
        remedy: what to do; empty where nothing is wrong.
    """

    name: str
    text: str
    remedy: str = ""


class Engine(Protocol):
    """What a file in this folder defines."""

    FORMATS: tuple[str, ...]
    PRECISIONS: tuple[str, ...]
    REQUIRES: str
    INSTALL: str
    WHEEL: str
    ASKED_FOR: str
    PROCESS_BYTES: int

    def load(self, content: bytes, name: str, options: Options) -> Session:
        """Load an artifact from its bytes.

        Args:
            content: what its file holds. Nothing but these bytes may be read: they were hashed.
            name: of its file, for messages.
            options: how it is to run.

        Raises:
            EngineError: the engine refuses it.
        """

    def version(self) -> str:
        """Return the engine's version."""


class EngineMissingError(EngineError):
    """The engine's module is not installed here."""


def names() -> list[str]:
    """Return the names of all engines, sorted."""
    # A package in a zip archive has no folder to list: iter_modules asks its importer instead.
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def reading(format_: str) -> list[str]:
    """Return the names of the engines that read a format, sorted; none for an unknown one."""
    return [name for name in names() if format_ in get(name).FORMATS]


def is_installed(name: str) -> bool:
    """Say whether what an engine requires is installed here, without importing it."""
    return importlib.util.find_spec(get(name).REQUIRES.partition(".")[0]) is not None


def installed_version(name: str) -> str:
    """Return the version of an engine's distribution, without importing it; '' if it is not here.

    A module that was not installed from a distribution has none.
    """
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(distribution(name))
    return ""


def lack() -> str:
    """Return why no engine can be installed on this machine; '' if nothing is known of it."""
    machine = platform.machine()
    if sys.maxsize < 2**32:
        return "this Python is 32-bit, and there are wheels for 64 bits alone"
    if machine not in _MACHINES:
        return f"there are wheels for {' and '.join(_MACHINES)}, and this is {machine}"
    return ""


def wheel_note(name: str) -> str:
    """Return what an engine's wheel costs, if its file says so."""
    return str(getattr(get(name), "WHEEL_NOTE", ""))


def no_wheel(name: str, machine: str) -> str:
    """Return why no wheel of an engine can travel to a machine; '' if one can.

    Args:
        name: the engine's.
        machine: as ``platform.machine`` says it.
    """
    why: Callable[[str], str] | None = getattr(get(name), "no_wheel", None)
    return why(machine) if why else ""


def distribution(name: str) -> str:
    """Return the name of the distribution that an engine's wheel is of.

    Raises:
        EngineError: there is no engine of that name.
    """
    name = re.split(r"[^\w.-]", get(name).WHEEL, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def runners(format_: str, checked_by: str = "") -> list[str]:
    """Return the engines that read a format, the preferred first; none for an unknown format.

    Args:
        format_: of an artifact.
        checked_by: the engine that checked it, which is preferred to the others; of these the one
            whose process takes the least memory.
    """
    key = {name: (name != checked_by, get(name).PROCESS_BYTES, name) for name in reading(format_)}
    return sorted(key, key=key.__getitem__)


@functools.cache  # what is in this folder is not looked up again while a load is timed
def get(name: str) -> Engine:
    """Return an engine without importing what it requires.

    Raises:
        EngineError: there is none of that name.
    """
    if name not in names():
        raise EngineError(f"no engine {name!r}; this edge-bench has {', '.join(names())}.")
    return cast(Engine, importlib.import_module(f"edge_runtime.engines.{name}"))


def require(name: str, install: str = "") -> Engine:
    """Return an engine after importing what it requires, and numpy, whose arrays it is given.

    Args:
        name: the engine's.
        install: what installs it here, where that is not its own ``INSTALL``.

    Raises:
        EngineMissingError: that is not installed.
        EngineError: that is installed and cannot be imported.
    """
    engine = get(name)
    for module, usual in {"numpy": "pip install numpy", engine.REQUIRES: engine.INSTALL}.items():
        with one_error(f"{module} cannot be imported"):
            try:
                importlib.import_module(module)
            except ModuleNotFoundError as error:
                if error.name != module:
                    raise
                what = f"{module} is not installed:"
                raise EngineMissingError(what, install or usual) from error
    return engine


_DEFAULT = Options()


def load(name: str, content: bytes, file: str, options: Options = _DEFAULT) -> Session:
    """Load an artifact on an engine.

    Args:
        name: the engine's.
        content: the artifact's bytes, whose hash was checked.
        file: its name.
        options: how it is to run.

    Raises:
        EngineMissingError: what the engine requires is not installed.
        EngineError: it cannot be imported, refuses the artifact, or fails in whatever way.
    """
    engine = require(name)
    with one_error(f"{name} cannot load {file}"):
        return engine.load(content, file, options)


def details(session: Session) -> dict[str, str]:
    """Return how a session runs, as far as its engine says."""
    said: dict[str, str] = getattr(session, "details", {})
    return said


def knobs(name: str) -> dict[str, tuple[str, ...]]:
    """Return an engine's settings that may be tuned, each with its values, the default first."""
    known: dict[str, tuple[str, ...]] = getattr(get(name), "KNOBS", {})
    return known


def version(name: str) -> str:
    """Return the version of an engine whose module is imported.

    Raises:
        EngineError: it does not say.
    """
    with one_error(f"{name} does not tell its version"):
        return str(get(name).version())


@contextlib.contextmanager
def one_error(what: str) -> Iterator[None]:
    """Turn whatever an engine's module raises into one kind of error, of one line.

    A module may raise anything: SystemExit, MemoryError, KeyboardInterrupt too. What interrupts
    this process by a signal, Ctrl-C, is an interruption all the same.

    Args:
        what: what fails, without a full stop.

    Raises:
        EngineError: ``what``, and the first line of what was raised.
        KeyboardInterrupt: the process was interrupted.
    """
    with _noticed_interrupts() as interrupts:
        try:
            yield
        except EngineError:
            raise
        except BaseException as error:
            if interrupts:
                raise KeyboardInterrupt from error
            said = reason(error) if isinstance(error, Exception) else type(error).__name__
            raise EngineError(f"{what}: {one_line(said)}.") from error


@contextlib.contextmanager
def _noticed_interrupts() -> Iterator[list[int]]:
    """Yield a list to which each interruption by a signal is added, while it works as before."""
    seen: list[int] = []
    before = signal.getsignal(signal.SIGINT)

    def notice(number: int, frame: Any) -> None:
        seen.append(number)
        cast(Callable[[int, Any], Any], before)(number, frame)

    # Python tells the main thread alone of signals, and lets no other one ask for them.
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield seen
        return
    signal.signal(signal.SIGINT, notice)
    try:
        yield seen
    finally:
        if signal.getsignal(signal.SIGINT) is notice:  # the module may have set one of its own
            signal.signal(signal.SIGINT, before)
