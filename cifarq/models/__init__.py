"""Architectures, one a file: adding a file here adds a model, named like the file.

``seed_cnn.py`` is ``seed-cnn``. A file defines::

    DESCRIPTION: str                                   one line for ``cifarq models``
    build(classes, input_shape) -> nn.Module           the graph that is deployed
    build_for_training(classes, input_shape)           optional: may hold batch norms, dropout
    fold(trained) -> nn.Module                         optional: from that back to the graph

``pretrained/<name>/`` beside the files holds a checkpoint that ships with the package.
"""

import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from edge_runtime.errors import DataError, UsageError, did_you_mean

if TYPE_CHECKING:
    from torch import nn

InputShape = tuple[int, int, int]


class Architecture(Protocol):
    """What a file in this folder defines. ``input_shape`` is (C, H, W)."""

    DESCRIPTION: str

    def build(self, classes: int, input_shape: InputShape) -> "nn.Module":
        """Return the deployed graph with fresh weights: (N, C, H, W) -> (N, classes) logits."""

    def build_for_training(self, classes: int, input_shape: InputShape) -> "nn.Module":
        """Return what is trained; folds exactly into what ``build`` returns."""

    def fold(self, trained: "nn.Module") -> "nn.Module":
        """Return the deployed graph that computes what ``trained`` computes in eval mode."""


def names() -> list[str]:
    """Return the names of all architectures, sorted."""
    modules = pkgutil.iter_modules([str(Path(__file__).parent)])
    return sorted(module.name.replace("_", "-") for module in modules)


def get(name: str) -> Architecture:
    """Return an architecture by name.

    Raises:
        UsageError: there is none of that name; the nearest is suggested.
    """
    if name not in names():
        raise UsageError(f"no model {name!r}.", did_you_mean(name, names()))
    module = importlib.import_module(f"cifarq.models.{name.replace('-', '_')}")
    return cast(Architecture, module)


def pretrained(name: str) -> Path | None:
    """Return the folder of the checkpoint that ships for ``name``, or None."""
    folder = Path(__file__).parent / "pretrained" / name
    return folder if folder.is_dir() else None


def folder(path: Path) -> Path:
    """Return the folder of the checkpoint that a path names: itself, or a shipped model by name.

    Args:
        path: a folder; where there is none, the name of a model, as ``tiny``.
    """
    if path.exists() or str(path) not in names():
        return path
    return pretrained(str(path)) or path


def require_side(name: str, input_shape: InputShape, least: int) -> None:
    """Refuse images of which the pools of a model would leave nothing.

    Raises:
        DataError: a side has fewer than ``least`` pixels.
    """
    _, height, width = input_shape
    if min(height, width) < least:
        raise DataError(
            f"{name} takes images of {least}x{least} pixels or more, not of {width}x{height}."
        )
