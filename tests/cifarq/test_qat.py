"""Quantization-aware training: what it starts from, what it keeps, and what it refuses."""

import json
import shutil
from dataclasses import replace

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")
import torch
from torch import nn

from cifarq import checkpoint
from cifarq.cli import cli
from cifarq.training import qat, train
from cifarq.training.fake_quantize import FakeQuantized
from cifarq.training.report import Progress, TrainConfig
from cifarq.training.rounding import LearnedRange, round_weight
from edge_runtime.errors import CheckpointError, UsageError
from edge_runtime.probes import target as targets

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("one_thread")]


@pytest.fixture(scope="module")
def start(finished):
    """The checkpoint of a finished run."""
    return checkpoint.load(finished.folder)


@pytest.fixture(scope="module")
def config(start):
    """Two epochs from there, for a CPU of 7-bit weights."""
    return qat.configure(TrainConfig("seed-cnn", epochs=2, batch_size=64), start, targets.X86)


@pytest.fixture(scope="module")
def folder(config, start, two_classes, tmp_path_factory):
    """A finished run of it; not to be changed."""
    out = tmp_path_factory.mktemp("qat")
    train.train(config, two_classes, out, start=start)
    return out


def test_weights_and_ranges_are_learned_and_kept(folder, start, config):
    made = checkpoint.load(folder)
    learned = made.learned
    assert learned.qat.target == "x86" and learned.qat.checkpoint == start.digest
    layers = ("conv1", "conv2", "conv3", "conv4", "fc1")
    assert set(learned.ranges) == {"input", *(f"Relu({layer})" for layer in layers)}
    assert all(low <= 0 < high for low, high in learned.ranges.values())
    assert learned.ranges["input"][0] < 0 == learned.ranges["Relu(conv1)"][0]
    assert made.weights.keys() == start.weights.keys()
    assert all(not torch.equal(made.weights[n], start.weights[n]) for n in start.weights)
    assert made.training["config"]["peak_lr"] == qat.PEAK_LR == config.peak_lr
    made.model()


def test_an_interrupted_training_goes_on_to_the_same_weights_and_ranges(
    folder, config, start, two_classes, tmp_path
):
    class Interruption(Progress):
        def step(self, epoch, done, total):
            if (epoch, done) == (2, 2):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train.train(config, two_classes, tmp_path, start=start, progress=Interruption())
    train.train(config, two_classes, tmp_path, start=start, resume=True)
    resumed, whole = checkpoint.load(tmp_path), checkpoint.load(folder)
    assert resumed.learned == whole.learned
    assert all(torch.equal(resumed.weights[n], whole.weights[n]) for n in whole.weights)


def test_it_is_not_resumed_from_another_checkpoint_or_for_another_target(
    folder, config, start, two_classes, tmp_path
):
    copy = shutil.copytree(folder, tmp_path / "run")
    other = replace(config, target=targets.ARM64)
    with pytest.raises(CheckpointError, match="target was x86, is arm64"):
        train.train(other, two_classes, copy, start=start, resume=True)
    weights = {name: tensor + 1 for name, tensor in start.weights.items()}
    changed = replace(start, weights=weights)
    with pytest.raises(CheckpointError, match="qat was"):
        again = qat.configure(config, changed, targets.X86)
        train.train(again, two_classes, copy, start=changed, resume=True)


def test_what_it_cannot_start_from_is_refused(folder, config, start, two_classes, tmp_path):
    with pytest.raises(CheckpointError, match="trained with --qat already"):
        train.train(config, two_classes, tmp_path, start=checkpoint.load(folder))
    pixels = two_classes.train.images.repeat(2, axis=2).repeat(2, axis=3)
    larger = replace(two_classes, train=replace(two_classes.train, images=pixels))
    with pytest.raises(CheckpointError, match=r"input shape is \(3, 16, 16\).*\(3, 32, 32\)"):
        train.train(config, larger, tmp_path, start=start)
    with pytest.raises(CheckpointError, match="its classes"):
        train.train(config, replace(two_classes, classes=("a", "b")), tmp_path, start=start)
    with pytest.raises(UsageError, match="--small-crops"):
        train.train(replace(config, small_crops=0.5), two_classes, tmp_path, start=start)


class OneOperator(nn.Module):
    """A convolution, and behind it what a test is about."""

    def __init__(self, behind):
        super().__init__()
        self.conv, self.behind, self.last = nn.Conv2d(3, 3, 3, padding=1), behind, nn.Linear(192, 2)

    def forward(self, x):
        return self.last(self.behind(self, self.conv(x)).flatten(1))


@pytest.mark.parametrize(
    ("behind", "said"),
    [
        (lambda model, x: nn.functional.gelu(x), "operator aten.gelu.default"),
        (lambda model, x: x + 1, "operator aten.add.Tensor"),
        (lambda model, x: nn.functional.adaptive_avg_pool2d(x, 8), "aten.adaptive_avg_pool2d"),
        (lambda model, x: model.conv(x), "conv two ranges"),
        (lambda model, x: x if x.sum() > 0 else -x, "cannot trace this model"),
    ],
)
def test_a_model_that_it_does_not_know_is_refused_in_one_line(behind, said):
    with pytest.raises(CheckpointError, match=said) as caught:
        FakeQuantized(OneOperator(behind).eval(), (3, 8, 8), targets.X86)
    assert "\n" not in str(caught.value)


def test_a_range_in_a_checkpoint_has_two_ends_around_zero(folder, tmp_path):
    made = checkpoint.load(folder)
    ranges = {**made.learned.ranges, "input": (1.0, 2.0)}
    spoilt = replace(made, learned=replace(made.learned, ranges=ranges))
    checkpoint.save(spoilt, tmp_path)
    with pytest.raises(CheckpointError, match="range/input is no range that holds zero"):
        checkpoint.load(tmp_path)


@given(st.floats(-100, 0), st.floats(0.001, 100), st.integers(0, 2**31))
def test_rounded_values_are_near_and_zero_stays_zero(low, high, seed):
    learned = LearnedRange("x")
    learned.begin.copy_(torch.tensor([low, high]))
    values = torch.empty(100).uniform_(low, high, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        rounded = learned(torch.cat([values, torch.zeros(1)]))
    step = (high - low) / 255
    assert rounded[-1] == 0
    # The zero point is rounded too, which moves either end by up to half a step.
    assert (rounded[:-1] - values).abs().max() <= 1.01 * step + 1e-6
    assert len(rounded.unique()) <= 256


@pytest.mark.parametrize("largest", [64, 127])
def test_weights_are_multiples_of_their_channels_step(largest):
    torch.manual_seed(0)
    weight = torch.randn(4, 3, 2, 2) * torch.tensor([1e-3, 1.0, 50.0, 0.0]).view(-1, 1, 1, 1)
    rounded = round_weight(weight, largest)
    for before, after in zip(weight, rounded, strict=True):
        step = before.abs().max() / largest or 1.0
        codes = after / step
        assert torch.allclose(codes, codes.round(), atol=1e-3)
        assert codes.abs().max().round() in (0, largest)


def test_a_range_is_learned_beside_what_it_rounds():
    """It closes around the values, if the loss is how far these are moved."""
    torch.manual_seed(0)
    values = torch.randn(1000).clamp(-1, 1)
    learned = LearnedRange("x")
    learned.begin.copy_(torch.tensor([-20.0, 20.0]))
    optimizer = torch.optim.SGD(learned.parameters(), lr=10.0)
    for _ in range(200):
        optimizer.zero_grad()
        (learned(values) - values).square().mean().backward()
        optimizer.step()
    low, high = learned.limits().tolist()
    assert -10 < low < -0.9 and 0.9 < high < 10


def command(*arguments):
    return CliRunner().invoke(cli, ["train", *map(str, arguments)])


def test_the_command_trains_a_checkpoint_on(finished, two_class_folder, tmp_path):
    options = ["--data-dir", two_class_folder, "--out", tmp_path / "q", "--epochs", 1]
    done = command("--qat", finished.folder, "--target", "pi5", *options)
    assert done.exit_code == 0, done.output
    assert "seed-cnn: " in done.stdout and "% top-1 as static INT8 on " in done.stdout
    assert checkpoint.load(tmp_path / "q").learned.qat.target == targets.ARM64
    told = json.loads((tmp_path / "q" / "checkpoint.json").read_text())
    assert str(finished.folder) not in json.dumps(told)
    assert told["training"]["config"]["peak_lr"] == qat.PEAK_LR


def test_a_learning_rate_that_is_given_is_taken(finished, two_class_folder, tmp_path):
    options = ["--data-dir", two_class_folder, "--out", tmp_path / "q", "--epochs", 1]
    done = command("--qat", finished.folder, "--learning-rate", 0.0005, *options)
    assert done.exit_code == 0, done.output
    assert checkpoint.load(tmp_path / "q").training["config"]["peak_lr"] == 0.0005


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no model is named"),
        (("seed-cnn", "--qat", "runs/a"), "seed-cnn and --qat runs/a each name a model"),
        (("seed-cnn", "--target", "x86"), "--target x86 is for --qat"),
    ],
)
def test_a_command_line_names_one_model(arguments, said):
    done = command(*arguments, "--out", "never")
    assert done.exit_code == 2 and said in done.stderr
