"""The command ``cifarq``: help without PyTorch, suggestions, exit codes."""

import json

import pytest
from click.testing import CliRunner

from cifarq import __version__, models
from cifarq.cli import cli

COMMANDS = sorted(cli.commands)
LOADED = {"PYTHONPROFILEIMPORTTIME": "1"}  # lists every import on standard error
HEAVY = ("torch", "torchvision", "safetensors", "PIL", "onnxruntime", "onnx", "tqdm")

WRONG = {
    "train seed-cn --out x": "no model 'seed-cn'. Did you mean 'seed-cnn'?",
    "trian": "no command 'trian'. Did you mean 'train'?",
    "zzz": "no command 'zzz'. Choose from: ",
    "train seed-cnn": "Missing option '--out'",
    "train seed-cnn --out x --epochs 0": "'--epochs'",
    "train seed-cnn --out x --device tpu": "'--device'",
    "evaluate": "Missing argument 'PATHS...'",
    "evaluate x --split train": "'--split'",
    "models --jsno": "--json",
}
FAILING = {
    "evaluate nowhere": "nowhere is no checkpoint",
    "train seed-cnn --out x --data-dir nowhere": "no data set in nowhere",
}


def imported(stderr):
    return {line.rsplit("|", 1)[1].strip() for line in stderr.splitlines() if "|" in line}


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_shows_the_command_and_loads_no_pytorch(run, command):
    words = [command] if command else []
    result = run("cifarq", *words, "--help", env=LOADED)
    assert result.returncode == 0
    assert " ".join(["Usage: cifarq", *words]) in result.stdout
    modules = imported(result.stderr)
    assert "cifarq.cli" in modules
    assert modules.isdisjoint(HEAVY)


def test_help_names_every_command_and_shows_examples(run):
    shown = run("cifarq", "--help").stdout
    assert "Examples:" in shown
    assert {"train", "evaluate", "models"} <= set(COMMANDS)
    assert all(f"\n  {command} " in shown for command in COMMANDS)


def test_importing_the_package_imports_nothing_heavy(run):
    result = run("cifarq.__init__", env=LOADED)
    assert result.returncode == 0
    assert imported(result.stderr).isdisjoint(HEAVY)


def test_the_version_is_the_packages(run):
    assert run("cifarq", "--version").stdout == f"cifarq, version {__version__}\n"


@pytest.mark.torch
def test_models_are_listed_as_json(run):
    result = run("cifarq", "models", "--json")
    assert result.returncode == 0, result.stderr
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert list(rows) == models.names()
    assert rows["seed-cnn"]["parameters"] == 2_340_810
    assert rows["seed-cnn"]["macs"] == pytest.approx(78.5e6, rel=1e-3)


@pytest.mark.torch
def test_models_are_listed_as_text():
    shown = CliRunner().invoke(cli, ["models"]).stdout
    (row,) = (line for line in shown.splitlines() if line.startswith("seed-cnn  "))
    assert row.split()[-2:] == ["78.5", "2,340,810"]
    assert "seed-cnn: conv 3-32-64-128-128, fc 8192-256-10: the report's CNN; 30 epochs, " in shown


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_command_line_exits_2_and_says_what_is_right(run, line):
    result = run("cifarq", *line.split(), env=LOADED)
    assert (result.returncode, result.stdout) == (2, "")
    assert WRONG[line] in result.stderr
    assert "Traceback" not in result.stderr
    assert imported(result.stderr).isdisjoint(HEAVY)


@pytest.mark.torch
@pytest.mark.parametrize("line", FAILING)
def test_what_fails_exits_1_with_one_line_and_leaves_nothing(run, tmp_path, line):
    result = run("cifarq", *line.split())
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert FAILING[line] in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.torch
def test_a_device_that_is_not_there_is_a_usage_error(two_class_folder, tmp_path):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    options = ("--data-dir", two_class_folder, "--out", tmp_path / "run", "--device", "cuda")
    result = CliRunner().invoke(cli, ["train", "seed-cnn", *map(str, options)])
    assert result.exit_code == 2
    assert "--device cuda: this PyTorch sees no CUDA device. Use --device cpu." in result.stderr


@pytest.mark.parametrize("line", ["models", "evaluate x"])
def test_without_pytorch_one_line_says_what_to_install(run, tmp_path, line):
    (tmp_path / "torch.py").write_text(
        "raise ModuleNotFoundError('No module named torch', name='torch')"
    )
    result = run("cifarq", *line.split(), env={"PYTHONPATH": str(tmp_path)})
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"Error: this needs torch, which is not installed: {cli.install}\n"
    assert "pip install" in cli.install and "[train]" in cli.install
