"""Training: it learns, says what it reached, and keeps a checkpoint after each epoch."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")
import torch

from cifarq import checkpoint
from cifarq.training import train
from cifarq.training.report import Progress, TrainConfig
from edge_runtime.errors import CheckpointError, UsageError
from edge_runtime.results.statistics import proportion

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("one_thread")]
totals = st.integers(1, 5_000)
peaks = st.floats(1e-4, 10)


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_the_loss_falls_and_validation_beats_chance_clearly(finished, two_classes):
    first, *_, last = finished.report.epochs
    assert last.loss < first.loss
    count = len(two_classes.validation)
    assert proportion(round(last.validation_top1 * count), count).low > 0.5


def test_the_report_says_what_was_trained_on_what(finished, two_classes):
    report = finished.report
    assert (report.config, report.dataset) == (finished.config, "two-classes")
    assert (report.train_images, report.validation_images) == (200, len(two_classes.validation))
    assert [epoch.number for epoch in report.epochs] == [1, 2, 3]
    assert checkpoint.load(finished.folder).training == json.loads(json.dumps(report.to_json()))


def test_reported_top1_is_what_the_kept_checkpoint_reaches(finished, two_classes):
    kept = checkpoint.load(finished.folder)
    assert (kept.mean, kept.std) == two_classes.normalisation
    assert kept.input_shape == (3, 16, 16)
    mean, std = (torch.tensor(v)[:, None, None] for v in two_classes.normalisation)
    pixels = torch.from_numpy(two_classes.validation.images)
    with torch.inference_mode():
        logits = kept.model()((pixels / 255 - mean) / std)
    right = int((logits.argmax(dim=1).numpy() == two_classes.validation.labels).sum())
    reported = finished.report.epochs[-1].validation_top1
    assert reported == pytest.approx(right / len(pixels), abs=0.01)


def test_a_checkpoint_is_kept_after_each_epoch(finished):
    assert finished.epochs == list(finished.report.epochs)
    assert [len(kept.training["epochs"]) for kept in finished.kept] == [1, 2, 3]
    one, two, three = (kept.weights for kept in finished.kept)
    assert not same(one, two) and not same(two, three)


def test_every_step_of_every_epoch_is_told_and_covers_all_images(finished):
    assert finished.steps == [(epoch, step, 4) for epoch in (1, 2, 3) for step in (1, 2, 3, 4)]


def test_the_test_part_is_not_looked_at(two_classes, tmp_path):
    class Forbidden:
        def __getattr__(self, name):
            raise AssertionError("the test part was looked at")

    blind = dataclasses.replace(two_classes, test=Forbidden())
    train.train(TrainConfig("seed-cnn", epochs=1), blind, tmp_path)


def test_a_seed_is_a_run_and_another_seed_another(finished, two_classes, tmp_path):
    train.train(finished.config, two_classes, tmp_path / "again")
    train.train(dataclasses.replace(finished.config, seed=1), two_classes, tmp_path / "other")
    weights = checkpoint.load(finished.folder).weights
    assert same(weights, checkpoint.load(tmp_path / "again").weights)
    assert not same(weights, checkpoint.load(tmp_path / "other").weights)


def test_a_folder_that_cannot_be_made_is_named_before_the_first_step(two_classes, tmp_path):
    class Impatient(Progress):
        def step(self, epoch, done, total):
            raise AssertionError("it trained first")

    (tmp_path / "file").write_text("")
    config = TrainConfig("seed-cnn", epochs=1)
    with pytest.raises(CheckpointError, match="cannot write"):
        train.train(config, two_classes, tmp_path / "file" / "run", progress=Impatient())


@pytest.mark.parametrize("count", [65, 129])
def test_a_last_batch_of_one_image_is_joined_to_the_one_before(two_classes, tmp_path, count):
    odd = dataclasses.replace(two_classes, train=two_classes.train.take(np.arange(count)))
    report = train.train(TrainConfig("seed-cnn", epochs=1, batch_size=64), odd, tmp_path)
    assert report.train_images == count


def test_no_epochs_are_no_run():
    with pytest.raises(UsageError, match="--epochs is 0"):
        TrainConfig("seed-cnn", epochs=0)


@given(totals, peaks)
def test_the_learning_rate_lies_between_0_and_its_peak(total, peak):
    rates = [train.one_cycle(step, total, peak) for step in range(total)]
    assert min(rates) >= 0
    assert max(rates) <= peak * (1 + 1e-9)


@given(totals, peaks)
def test_the_learning_rate_rises_to_its_peak_then_falls_to_nothing(total, peak):
    rates = [train.one_cycle(step, 4 * total, peak) for step in range(4 * total)]
    top = total - 1
    assert rates[top] == pytest.approx(peak)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] <= peak * 1e-3


def test_a_run_of_one_step_learns_something():
    assert train.one_cycle(0, 1, 0.1) > 0


def test_the_command_prints_its_report_as_json(run, two_class_folder, tmp_path):
    options = ("--data-dir", two_class_folder, "--out", "run", "--epochs", 1, "--json")
    result = run("cifarq", "train", "seed-cnn", *options)
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["train_images"] == 180
    assert report["validation_images"] == 20
    assert report["config"]["epochs"] == len(report["epochs"]) == 1
    assert checkpoint.load(tmp_path / "run").training == report
