"""The command ``edge-bench``: its subcommands, put together."""

from functools import partial

import click

import edge_runtime
from edge_runtime.classify.command import classify
from edge_runtime.command import program
from edge_runtime.command.group import CommandGroup
from edge_runtime.doctor.command import doctor
from edge_runtime.doctor.listing import engines
from edge_runtime.measure.command import WHAT, run
from edge_runtime.report.command import compare, history, report

_EXAMPLES = """\b
Examples:
  edge-bench                              the bundle in the current folder
  edge-bench seed-cnn-bundle --json results.json
  edge-bench seed-cnn-bundle --threads 1,2,4 --batch-size 1,8
  edge-bench a-bundle b-bundle --require valid
  edge-bench before-bundle after-bundle --budget slower=5%
  edge-bench report results.json --output markdown
  edge-bench report pi4.json pi5.json --output html -o report.html
  edge-bench compare before.json after.json
  edge-bench compare before.json after.json --fail-if slower=5%
  edge-bench history results/             a line a run, and where a row became slower
  edge-bench doctor                       what will not work on this device
  edge-bench engines                      which engines there are, and which are installed
  edge-bench classify photos/             classify images"""


@click.group(
    cls=CommandGroup,
    default="run",
    subcommand_metavar="[PATHS]... | COMMAND [ARGS]...",
    install="pip install numpy onnxruntime",
    help=WHAT + _EXAMPLES,
    epilog="Exit: 0 all rows ran or only lack their engine; 1 a row is corrupt, crashed, "
    "mismatched, failed or timed out, none ran, --require is not met or a limit is broken; 2 the "
    "command line is wrong; 3 it cannot be told whether a limit is kept.",
)
@click.version_option(edge_runtime.__version__, prog_name="edge-bench")
def cli() -> None:
    """Hold the subcommands; its help text stands above, with the examples."""


for _command in (run, report, compare, history, doctor, engines, classify):
    cli.add_command(_command)


def main() -> None:
    """Run the command."""
    program.start(partial(cli, prog_name="edge-bench"))
