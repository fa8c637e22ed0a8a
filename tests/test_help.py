"""What ``--help`` of every command prints: each example stands on a line of its own."""

import importlib
import re

import pytest
from click.testing import CliRunner

PROGRAMS = {"cifarq": "cifarq", "cifarq_export": "cifarq-export", "edge_runtime": "edge-bench"}
WITH_EXAMPLES = {"cifarq", "cifarq train", "cifarq evaluate", "cifarq-export", "edge-bench"}
WITH_EXAMPLES |= {"edge-bench compare", "edge-bench history"}
BEGINS = ("cifarq", "cifarq-export", "edge-bench", "torchrun", "ffmpeg", "rpicam-vid")
"""The programs that an example begins with; torchrun starts ours, the last two send frames."""


def commands():
    """Every group and subcommand, by what is typed."""
    for package, program in PROGRAMS.items():
        try:
            cli = importlib.import_module(f"{package}.cli").cli
        except ModuleNotFoundError:  # the device's tests run without the workshop
            continue
        yield program, cli
        yield from ((f"{program} {name}", command) for name, command in cli.commands.items())


@pytest.mark.parametrize(("typed", "command"), [pytest.param(*c, id=c[0]) for c in commands()])
def test_each_example_stands_on_a_line_of_its_own(typed, command):
    done = CliRunner().invoke(command, ["--help"], prog_name=typed)
    assert done.exit_code == 0
    assert "\\b" not in done.output and "\b" not in done.output
    assert ("Examples:" in done.output) or typed not in WITH_EXAMPLES
    if "Examples:" not in done.output:
        return
    lines = done.output.splitlines()
    start = lines.index("  Examples:") + 1
    examples = lines[start : lines.index("", start)]
    assert examples
    for line, before in zip(examples, ["", *examples], strict=False):
        words = line.split()
        assert before.endswith(("|", "\\")) or words[0] in BEGINS, line
        in_line = re.findall(r"(?<![\w/.-])(?:cifarq|cifarq-export|edge-bench)(?= [a-z-])", line)
        assert len(in_line) <= 1, line
