"""TensorBoard's event files: its own reader finds in them what the report says, each epoch once."""

import sys

import pytest

pytest.importorskip("torch")
from click.testing import CliRunner

from cifarq.cli import cli
from cifarq.training import train
from cifarq.training.report import Progress, TrainConfig

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("one_thread")]
CONFIG = TrainConfig("seed-cnn", epochs=3, batch_size=64)


class Interruption(Progress):
    """Presses Ctrl-C in the second epoch, or when it is done."""

    def __init__(self, *, done):
        self.done = done

    def step(self, epoch, done, total):
        if epoch == 2 and not self.done:
            raise KeyboardInterrupt

    def epoch(self, epoch):
        if epoch.number == 2:
            raise KeyboardInterrupt


@pytest.fixture
def read():
    """All figures in a folder, by their name: (epoch, value)."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def of(folder):
        events = EventAccumulator(str(folder)).Reload()
        return {
            name: [(event.step, event.value) for event in events.Scalars(name)]
            for name in events.Tags()["scalars"]
        }

    return of


def told(report):
    """What the reader has to find of a report; it holds numbers in 32 bits."""
    return {
        "loss": [(each.number, pytest.approx(each.loss)) for each in report.epochs],
        "validation top-1": [
            (each.number, pytest.approx(each.validation_top1)) for each in report.epochs
        ],
        "seconds": [(each.number, pytest.approx(each.seconds)) for each in report.epochs],
    }


@pytest.mark.parametrize("done", [False, True])
def test_a_run_that_was_interrupted_has_each_epoch_of_its_report_once(
    two_classes, tmp_path, read, done
):
    logs = tmp_path / "logs"
    with pytest.raises(KeyboardInterrupt):
        stop = Interruption(done=done)
        train.train(CONFIG, two_classes, tmp_path / "run", progress=stop, logdir=logs)
    report = train.train(CONFIG, two_classes, tmp_path / "run", resume=True, logdir=logs)
    figures = read(logs)
    assert {name: figures[name] for name in told(report)} == told(report)
    rates = [train.one_cycle(4 * epoch - 1, 4 * 3, CONFIG.peak_lr) for epoch in (1, 2, 3)]
    assert [rate for _, rate in figures["learning rate"]] == pytest.approx(rates)
    assert all(rate > 0 for _, rate in figures["images per second"])


def test_an_epoch_that_was_written_and_not_kept_is_replaced(
    two_classes, tmp_path, read, monkeypatch
):
    def killed(*_):
        raise KeyboardInterrupt

    logs = tmp_path / "logs"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(train, "_keep", killed)
        train.train(CONFIG, two_classes, tmp_path / "run", logdir=logs)
    report = train.train(CONFIG, two_classes, tmp_path / "run", resume=True, logdir=logs)
    assert read(logs)["loss"] == told(report)["loss"]


def test_a_folder_that_cannot_be_made_is_named_before_the_first_step(
    two_class_folder, tmp_path, monkeypatch
):
    pytest.importorskip("tensorboard")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    options = ["--data-dir", str(two_class_folder), "--out", "run", "--logdir", "file/logs"]
    result = CliRunner().invoke(cli, ["train", "seed-cnn", *options])
    assert result.exit_code == 1
    assert result.stderr == "Error: cannot write to --logdir file/logs: Not a directory.\n"


def test_without_tensorboard_the_command_that_installs_it_is_named(
    two_class_folder, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "tensorboard", None)  # as where it is not installed
    for name in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    options = ["--data-dir", str(two_class_folder), "--out", "run", "--logdir", "logs"]
    result = CliRunner().invoke(cli, ["train", "seed-cnn", *options])
    assert result.exit_code == 1
    assert "--logdir needs tensorboard, which is not installed" in result.stderr
    assert "pip install '.[logs]'" in result.stderr
    assert not (tmp_path / "logs").exists()
