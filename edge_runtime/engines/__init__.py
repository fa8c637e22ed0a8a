"""Engines, one a file: adding a file here adds an engine, named like the file.

A file defines::

    REQUIRES: str                      the module it imports, and only inside a child process
    INSTALL: str                       the command that installs it
    load(path, threads) -> Session     reads an artifact whose hash has been checked
    version() -> str
"""

import importlib
import pkgutil
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from edge_runtime.errors import EngineError


class Session(Protocol):
    """A loaded artifact."""

    def run(self, batch: NDArray[np.float32]) -> NDArray[Any]:
        """Map (N, C, H, W) float32 to logits (N, classes)."""


class Engine(Protocol):
    """What a file in this folder defines."""

    REQUIRES: str
    INSTALL: str

    def load(self, path: Path, threads: int) -> Session:
        """Load an artifact to run on ``threads`` threads.

        Raises:
            EngineError: the engine refuses the file.
        """

    def version(self) -> str:
        """Return the engine's version."""


class EngineMissingError(EngineError):
    """The engine's module is not installed here."""


def names() -> list[str]:
    """Return the names of all engines, sorted."""
    # A package in a zip archive has no folder to list: iter_modules asks its importer instead.
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def get(name: str) -> Engine:
    """Return an engine without importing what it requires.

    Raises:
        EngineError: there is none of that name.
    """
    if name not in names():
        raise EngineError(f"no engine {name!r}; this edge-bench has {', '.join(names())}.")
    return cast(Engine, importlib.import_module(f"edge_runtime.engines.{name}"))


def require(name: str) -> Engine:
    """Return an engine after importing what it requires.

    Raises:
        EngineMissingError: that is not installed.
        EngineError: that is installed and cannot be imported.
    """
    engine = get(name)
    try:
        importlib.import_module(engine.REQUIRES)
    except ModuleNotFoundError as error:
        if error.name != engine.REQUIRES:
            raise EngineError(f"{engine.REQUIRES} cannot be imported: {error}.") from error
        raise EngineMissingError(f"{engine.REQUIRES} is not installed: {engine.INSTALL}") from error
    except ImportError as error:
        raise EngineError(f"{engine.REQUIRES} cannot be imported: {error}.") from error
    return engine
