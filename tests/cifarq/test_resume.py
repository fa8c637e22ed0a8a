"""Interruption: what is kept, going on to the same weights, and what may not be gone on with."""

import dataclasses
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from click.testing import CliRunner

from cifarq import checkpoint
from cifarq.cli import cli
from cifarq.training import progress, train
from cifarq.training.report import Progress, TrainConfig
from edge_runtime.errors import CheckpointError, ToolkitError, UsageError

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("one_thread")]
RESUME_FILE = "resume.safetensors"


class Interruption(Progress):
    """Presses Ctrl-C when a step is done."""

    def __init__(self, epoch, step):
        self.at = (epoch, step)
        self.seen = []

    def step(self, epoch, done, total):
        self.seen.append((epoch, done))
        if (epoch, done) == self.at:
            raise KeyboardInterrupt


@pytest.fixture
def folder(finished, tmp_path):
    """A copy of the finished run's folder, to spoil."""
    return shutil.copytree(finished.folder, tmp_path / "finished")


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_an_interrupted_run_goes_on_to_the_very_same_weights(finished, two_classes, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train.train(finished.config, two_classes, tmp_path, progress=Interruption(2, 2))
    assert same(checkpoint.load(tmp_path).weights, finished.kept[0].weights)

    resumed = train.train(finished.config, two_classes, tmp_path, resume=True)
    assert same(checkpoint.load(tmp_path).weights, finished.kept[2].weights)

    def untimed(report):
        return [dataclasses.replace(epoch, seconds=0) for epoch in report.epochs]

    assert untimed(resumed) == untimed(finished.report)


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_run_that_diverges_stops_and_keeps_the_epoch_before(
    finished, two_classes, tmp_path, monkeypatch, epoch
):
    original = train.one_cycle

    def exploding(step, total, peak):
        return 1e30 if step >= (epoch - 1) * total / 3 else original(step, total, peak)

    monkeypatch.setattr(train, "one_cycle", exploding)
    with pytest.raises(CheckpointError, match=rf"diverged in epoch {epoch}") as caught:
        train.train(finished.config, two_classes, tmp_path)
    if epoch == 1:
        assert "is kept" not in str(caught.value)
        assert list(tmp_path.iterdir()) == []
    else:
        assert same(checkpoint.load(tmp_path).weights, finished.kept[epoch - 2].weights)


def test_going_on_does_not_repeat_the_finished_epochs(finished, two_classes, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train.train(finished.config, two_classes, tmp_path, progress=Interruption(3, 1))
    with pytest.raises(KeyboardInterrupt):  # the first step that is taken is the third epoch's
        again = Interruption(3, 1)
        train.train(finished.config, two_classes, tmp_path, resume=True, progress=again)
    assert again.seen == [(3, 1)]


def test_a_run_killed_between_its_two_files_goes_on_too(
    finished, two_classes, tmp_path, monkeypatch
):
    class Killer(Progress):
        """Presses Ctrl-C when the second epoch's weights are written, and its metadata not yet."""

        def epoch(self, epoch):
            monkeypatch.setattr(checkpoint, "write_text", self.press)

        def press(self, path, content):
            monkeypatch.undo()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train.train(finished.config, two_classes, tmp_path, progress=Killer())
    with pytest.raises(CheckpointError, match=r"do not belong together.*--resume"):
        checkpoint.load(tmp_path)

    train.train(finished.config, two_classes, tmp_path, resume=True)
    assert same(checkpoint.load(tmp_path).weights, finished.kept[2].weights)


def test_resuming_a_finished_run_changes_nothing(finished, two_classes, folder):
    before = contents(folder)
    report = train.train(finished.config, two_classes, folder, resume=True)
    assert report == finished.report
    assert contents(folder) == before


def test_resuming_where_there_is_no_run_starts_one(two_classes, tmp_path):
    config = TrainConfig("seed-cnn", epochs=1)
    report = train.train(config, two_classes, tmp_path / "new", resume=True)
    assert len(report.epochs) == 1


def test_a_folder_with_a_run_is_refused_without_resume(finished, two_classes, folder):
    before = contents(folder)
    with pytest.raises(UsageError, match=r"holds a training run.*--resume.*another --out"):
        train.train(finished.config, two_classes, folder)
    assert contents(folder) == before


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_with_a_checkpoint_alone_is_not_written_over(two_classes, folder, resume):
    (folder / RESUME_FILE).unlink()
    before = contents(folder)
    config = TrainConfig("seed-cnn", epochs=1, seed=9)
    with pytest.raises(ToolkitError, match="--out"):
        train.train(config, two_classes, folder, resume=resume)
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"epochs": 4}, "epochs was 3, is 4"),
        ({"seed": 1}, "seed was 0, is 1"),
        ({"batch_size": 32}, "batch_size was 64, is 32"),
        ({"peak_lr": 0.2, "momentum": 0.8}, r"momentum was 0.9, is 0.8, peak_lr was 0.1, is 0.2"),
    ],
)
def test_another_configuration_is_refused_naming_what_differs(
    finished, two_classes, folder, change, said
):
    before = contents(folder)
    other = dataclasses.replace(finished.config, **change)
    with pytest.raises(CheckpointError, match=rf"{said}.*Resume with the same options"):
        train.train(other, two_classes, folder, resume=True)
    assert contents(folder) == before


def more_classes(dataset):
    return dataclasses.replace(dataset, classes=("airplane", "frog", "ship"))


def fewer_images(dataset):
    return dataclasses.replace(dataset, train=dataset.train.take(np.arange(100)))


@pytest.mark.parametrize("change", [more_classes, fewer_images])
def test_another_data_set_is_refused(finished, two_classes, tmp_path, change):
    with pytest.raises(KeyboardInterrupt):
        train.train(finished.config, two_classes, tmp_path, progress=Interruption(2, 1))
    with pytest.raises(ToolkitError):
        train.train(finished.config, change(two_classes), tmp_path, resume=True)


def cut(folder):
    with (folder / RESUME_FILE).open("r+b") as file:
        file.truncate(1_000)


def swap_with_weights(folder):
    shutil.copy(folder / "model.safetensors", folder / RESUME_FILE)


@pytest.mark.parametrize("damage", [cut, swap_with_weights])
def test_a_file_that_cannot_be_resumed_from_is_named(finished, two_classes, folder, damage):
    damage(folder)
    with pytest.raises(CheckpointError, match=r"cannot resume from .*resume\.safetensors"):
        train.train(finished.config, two_classes, folder, resume=True)


@pytest.mark.slow
def test_a_killed_command_keeps_its_last_epoch_and_says_how_to_go_on(two_class_folder, tmp_path):
    # Ctrl-C reaches the child even where the parent was told to ignore it, as in `make test &`.
    start = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "runpy.run_module('cifarq', run_name='__main__')"
    )
    options = ["--data-dir", two_class_folder, "--out", tmp_path / "run", "--epochs", 500]
    options += ["--batch-size", 8]  # an epoch long enough to be in its middle when it is stopped
    command = [sys.executable, "-P", "-c", start, "train", "seed-cnn", *map(str, options)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        try:
            lines = []
            for line in child.stderr:
                lines.append(line)
                if line.startswith("epoch 2/500"):
                    child.send_signal(signal.SIGINT)
            assert child.wait(60) == 130
        finally:
            child.kill()
    said = "".join(lines)
    assert "Interrupted" in said and "--resume" in said and str(tmp_path / "run") in said
    assert "Traceback" not in said
    epochs = checkpoint.load(tmp_path / "run").training["epochs"]
    assert 2 <= len(epochs) < 500


def test_a_command_stopped_in_its_first_epoch_promises_no_kept_one(
    two_class_folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(progress.TrainingBar, "step", Interruption(1, 1).step)
    monkeypatch.chdir(tmp_path)
    options = ["--data-dir", str(two_class_folder), "--out", "run", "--batch-size", "32"]
    result = CliRunner().invoke(cli, ["train", "seed-cnn", *options])
    assert result.exit_code == 130
    assert "Interrupted" in result.stderr
    assert not (tmp_path / "run" / "checkpoint.json").exists()
    assert "is kept in" not in result.stderr
