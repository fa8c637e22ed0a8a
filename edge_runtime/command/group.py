"""The click group our commands share: a default subcommand, and one boundary for errors."""

import os
import sys
from typing import Any

import click

from edge_runtime.command import streams
from edge_runtime.errors import ToolkitError, did_you_mean, nearest
from edge_runtime.printable import one_line


class CommandGroup(click.Group):
    """A group that turns ``ToolkitError`` into one line and an exit code.

    With ``default``, a first word that names no subcommand belongs to the default one:
    ``edge-bench DIR`` is ``edge-bench run DIR``, and ``--help`` shows both.

    Args:
        default: name of the subcommand that runs when none is named.
        install: the command that installs what is needed, said where a library is missing.
        **attrs: passed on to ``click.Group``.
    """

    def __init__(self, *, default: str | None = None, install: str, **attrs: Any) -> None:
        super().__init__(**attrs)
        self.default = default
        self.install = install

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default subcommand's name in front where no subcommand is named."""
        own = {"--help", "--version"}
        if self.default and not (args and (args[0] in self.commands or args[0] in own)):
            self._refuse_misspelt(ctx, args[:1])
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def _refuse_misspelt(self, ctx: click.Context, first: list[str]) -> None:
        """Refuse a first word that is no path and nearly a subcommand: ``edge-bench docter``."""
        for word in first:
            if word.startswith("-") or os.path.lexists(word):
                continue
            if command := nearest(word, self.commands, cutoff=0.8):
                ctx.fail(f"no command and no path {word!r}. Did you mean {command!r}?")

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand, suggesting the nearest name for one that does not exist."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            ctx.fail(f"no command {args[0]!r}. {did_you_mean(args[0], self.commands)}")
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the default subcommand's options with the group's own, then the subcommands."""
        params = self.get_params(ctx)
        if self.default:
            params = [*self.commands[self.default].params, *params]
        options = [param for param in params if isinstance(param, click.Option)]
        records = [record for option in options if (record := option.get_help_record(ctx))]
        with formatter.section("Options"):
            formatter.write_dl(records)
        self.format_commands(ctx, formatter)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand; the one place where our errors become messages and exit codes."""
        try:
            return super().invoke(ctx)
        except ToolkitError as error:
            streams.tell(f"Error: {error}")
            sys.exit(error.exit_code)
        except ModuleNotFoundError as error:
            streams.tell(f"Error: this needs {error.name}, which is not installed: {self.install}")
            sys.exit(1)
        except KeyboardInterrupt:
            streams.tell("Interrupted.")
            sys.exit(130)
        except click.UsageError as error:  # click shows it; it may name a file
            raise click.UsageError(one_line(error.format_message()), error.ctx) from error
