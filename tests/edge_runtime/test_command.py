"""The shared click group: a default subcommand; errors become one line and an exit code."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from edge_runtime.command.group import CommandGroup
from edge_runtime.errors import BundleError, UsageError, did_you_mean


@pytest.fixture
def group():
    @click.group(cls=CommandGroup, default="go", install="pip install what-is-needed")
    def cli() -> None:
        """Do things."""

    @cli.command()
    @click.argument("words", nargs=-1)
    @click.option("--loud", is_flag=True, help="Say it loudly.")
    def go(words, loud):
        errors = {
            "bundle": BundleError("it is broken"),
            "usage": UsageError("no such thing"),
            "module": ModuleNotFoundError("No module named 'torch'", name="torch"),
            "stop": KeyboardInterrupt(),
        }
        if words and words[0] in errors:
            raise errors[words[0]]
        click.echo(f"go {words} {loud}")

    @cli.command()
    def stay():
        click.echo("stay")

    return cli


def invoke(group, *args):
    result = CliRunner().invoke(group, args)
    return result.exit_code, result.output


def test_a_first_word_that_names_no_subcommand_belongs_to_the_default(group):
    assert invoke(group) == (0, "go () False\n")
    assert invoke(group, "here", "--loud") == (0, "go ('here',) True\n")
    assert invoke(group, "--loud") == (0, "go () True\n")
    assert invoke(group, "go", "stay") == (0, "go ('stay',) False\n")


def test_what_an_engine_prints_by_itself_does_not_reach_an_answer():
    program = """if True:
        import os
        from edge_runtime.command import program, streams

        def command():
            os.write(1, b"The device supports: nothing")
            streams.show("{}")

        program.start(command)
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"{}\n", b"")


def test_a_misspelt_subcommand_is_told_from_a_path(group, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, output = invoke(group, "stayy")
    assert code == 2 and "no command and no path 'stayy'. Did you mean 'stay'?" in output
    (tmp_path / "stayy").mkdir()
    assert invoke(group, "stayy") == (0, "go ('stayy',) False\n")


def test_a_first_word_that_names_a_subcommand_is_that_subcommand(group):
    assert invoke(group, "stay") == (0, "stay\n")


def test_help_shows_the_default_subcommands_options_and_all_subcommands(group):
    code, output = invoke(group, "--help")
    assert code == 0
    assert output.count("--help") == 1
    for text in ("Say it loudly.", "go", "stay"):
        assert text in output


@pytest.mark.parametrize(
    "word, code, message",
    [
        ("bundle", 1, "Error: it is broken\n"),
        ("usage", 2, "Error: no such thing\n"),
        (
            "module",
            1,
            "Error: this needs torch, which is not installed: pip install what-is-needed\n",
        ),
        ("stop", 130, "Interrupted.\n"),
    ],
)
def test_an_error_is_one_line_and_its_own_exit_code(group, word, code, message):
    assert invoke(group, word) == (code, message)


@pytest.mark.parametrize("module", ["edge_runtime", "cifarq", "cifarq_export"])
def test_a_current_folder_that_was_removed_is_said(module, tmp_path):
    pytest.importorskip(module)
    script = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"'
    command = ["sh", "-c", script, "sh", sys.executable, "-P", "-m", module, "--version"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    message = "Error: the current folder was removed. Change to one that exists.\n"
    assert (done.returncode, done.stderr) == (1, message)


def test_a_wrong_option_is_a_usage_error(group):
    code, output = invoke(group, "--lod")
    assert code == 2 and "--loud" in output


def test_without_a_default_the_nearest_subcommand_is_suggested():
    cli = CommandGroup(name="x", install="")
    cli.add_command(click.Command("train"))
    code, output = invoke(cli, "trian")
    assert code == 2 and "Did you mean 'train'?" in output


def test_with_nothing_near_all_choices_are_listed():
    assert did_you_mean("zzz", ["b", "a"]) == "Choose from: a, b."
