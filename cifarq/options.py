"""Options that several commands take, of this package and of the exporter."""

from pathlib import Path
from typing import Any

import click

from edge_runtime.probes import target

BOARDS = {"pi3": target.ARM64, "pi4": target.ARM64, "pi5": target.ARM64}


class Target(click.Choice):  # type: ignore[type-arg]
    """A CPU class, a board that has it, or ``auto`` for that of this CPU."""

    def __init__(self) -> None:
        super().__init__(["auto", *target.NAMES, *BOARDS])

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the name of a CPU class."""
        name = super().convert(value, param, ctx)
        if name != "auto":
            return BOARDS.get(name, name)
        here = target.of_this_cpu()
        if here is None:
            self.fail(f"this CPU is none of {', '.join(target.NAMES)}; name one", param, ctx)
        return here


PATH = click.Path(path_type=Path)
DATA_DIR = click.option(
    "--data-dir",
    type=PATH,
    help="Folder with CIFAR-10's binary version or with class folders: train/<class>/* and "
    "test/<class>/*, or <class>/* alone. Default: the user's cache; CIFAR-10 is downloaded there "
    "if it is absent.",
)
FACTORY = click.option(
    "--model",
    "factory",
    metavar="PACKAGE.MODULE:FUNCTION",
    help="Function that builds a PyTorch classifier. Its module is imported: its code runs.",
)
MODEL_ARGS = click.option(
    "--model-arg",
    "model_args",
    multiple=True,
    metavar="NAME=VALUE",
    help="Keyword argument of the --model function. Can be repeated. num_classes is given to a "
    "function that takes it.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
