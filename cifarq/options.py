"""Options that commands of both packages take."""

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
