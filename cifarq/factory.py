"""A network of one's own: a function that builds a PyTorch classifier, named on the command line.

Calling it runs its module's code. So it is called where the user names it, and never because a
file does.
"""

import ast
import importlib
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

_COUNT = "num_classes"
"""What torchvision, timm and most others call the number of classes."""


@dataclass(frozen=True)
class Factory:
    """A function and its arguments, as ``--model`` and ``--model-arg`` give them.

    Attributes:
        function: ``package.module:function``; it returns an ``nn.Module``.
        arguments: keyword arguments, each as ``NAME=VALUE``.
    """

    function: str
    arguments: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the model is called."""
        return self.function.partition(":")[2].replace("_", "-")

    @property
    def options(self) -> str:
        """What names it on a command line."""
        pairs = (("--model-arg", argument) for argument in self.arguments)
        return shlex.join(["--model", self.function, *(word for pair in pairs for word in pair)])

    def build(self, classes: int, input_shape: tuple[int, int, int]) -> "nn.Module":
        """Build the model; a function that takes ``num_classes`` is given it.

        Args:
            classes: how many there are.
            input_shape: not used: such models are built for images of any size, or of one.

        Raises:
            UsageError: the function cannot be found or called.
        """
        given = parse(self.arguments)
        try:
            return call(self.function, {_COUNT: classes, **given})
        except UsageError as error:
            refused = isinstance(error.__cause__, TypeError) and _COUNT in error.what
            if _COUNT in given or not refused:
                raise
        return call(self.function, given)


def parse(texts: tuple[str, ...]) -> dict[str, Any]:
    """Return the keyword arguments that ``NAME=VALUE`` texts give; a plain word is a string.

    Raises:
        UsageError: a text is none.
    """
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"--model-arg {text!r} is not NAME=VALUE.")
        try:
            values[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            values[name] = value
    return values


def find(function: str) -> Callable[..., Any]:
    """Import the module of a function, and return the function.

    Raises:
        UsageError: there is none of that name.
    """
    module_name, _, name = function.partition(":")
    if not module_name or not name.isidentifier():
        raise UsageError(
            f"--model {function!r} is not package.module:function, as in "
            "torchvision.models:resnet18."
        )
    here = str(Path.cwd())
    if here not in sys.path:  # a module beside the user, as for python -m
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        raise UsageError(
            f"--model {function}: cannot import {module_name} ({type(error).__name__}: {error})."
        ) from error
    found: Callable[..., Any] | None = getattr(module, name, None)
    if found is None:
        raise UsageError(f"--model {function}: {module_name} has no {name!r}.")
    return found


def call(function: str, arguments: Mapping[str, Any]) -> "nn.Module":
    """Build a model.

    Raises:
        UsageError: there is no such function, or it raises, or returns no model.
    """
    from torch import nn

    make = find(function)
    try:
        model = make(**arguments)
    except (Exception, SystemExit) as error:
        raise UsageError(f"--model {function}: {type(error).__name__}: {error}") from error
    if not isinstance(model, nn.Module):
        raise UsageError(f"--model {function} returned a {type(model).__name__}, not an nn.Module.")
    return model
