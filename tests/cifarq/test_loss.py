"""The loss: of the labels alone, and of a teacher's answers."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")
import torch
from torch.nn import functional

from cifarq import checkpoint
from cifarq.training import train
from cifarq.training.loss import TEACHER_SHARE, Loss, require_teacher
from cifarq.training.report import TrainConfig
from edge_runtime.errors import CheckpointError

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("one_thread")]
IMAGES = torch.zeros(8, 1)


class Fixed(torch.nn.Module):
    """Answers whatever it is told to."""

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def forward(self, images):
        return self.logits


def draw(seed, scale):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(8, 5, generator=generator)


@given(st.integers(0, 2**31), st.floats(0, 0.5))
def test_without_a_teacher_it_is_the_cross_entropy(seed, smoothing):
    logits, labels = draw(seed, 2), torch.arange(8) % 5
    expected = functional.cross_entropy(logits, labels, label_smoothing=smoothing)
    assert torch.equal(Loss(smoothing, None)(IMAGES, logits, labels), expected)


@given(st.integers(0, 2**31), st.floats(0.1, 10))
def test_of_all_answers_the_teachers_own_cost_least(seed, scale):
    taught, labels = draw(seed, scale), torch.arange(8) % 5
    loss = Loss(0.0, Fixed(taught))
    hard = (1 - TEACHER_SHARE) * functional.cross_entropy(taught, labels)
    torch.testing.assert_close(loss(IMAGES, taught, labels), hard)
    other = taught + draw(seed + 1, 1)
    soft_part = loss(IMAGES, other, labels) - (1 - TEACHER_SHARE) * functional.cross_entropy(
        other, labels
    )
    assert soft_part > 0


def test_the_teacher_is_not_trained(finished, two_classes, tmp_path):
    teacher = checkpoint.load(finished.folder)
    before = {name: tensor.clone() for name, tensor in teacher.weights.items()}
    config = TrainConfig("seed-cnn", epochs=1, seed=5, batch_size=64, teacher=teacher.digest)
    taught = train.train(config, two_classes, tmp_path / "taught", teacher=teacher)
    assert all(torch.equal(teacher.weights[name], tensor) for name, tensor in before.items())
    assert taught.config.teacher == checkpoint.load(finished.folder).digest

    alone = dataclasses.replace(config, teacher="")
    train.train(alone, two_classes, tmp_path / "alone")
    one, other = (checkpoint.load(tmp_path / name).digest for name in ("taught", "alone"))
    assert one != other


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"classes": ("frog", "airplane")}, "classes"),
        ({"input_shape": (3, 8, 8)}, r"input shape is \(3, 8, 8\)"),
        ({"mean": (0.0, 0.0, 0.0)}, "mean"),
    ],
)
def test_a_teacher_of_other_images_is_refused(finished, two_classes, change, said):
    teacher = dataclasses.replace(checkpoint.load(finished.folder), **change)
    with pytest.raises(CheckpointError, match=f"--teacher: its {said}"):
        require_teacher(teacher, two_classes)


def test_a_run_is_not_gone_on_with_under_another_teacher(run, two_class_folder, tmp_path):
    options = ("--data-dir", two_class_folder, "--epochs", 1)

    def trained(out, *more):
        return run("cifarq", "train", "seed-cnn", *options, "--out", out, *more)

    assert trained("teacher").returncode == 0
    assert trained("student", "--teacher", "teacher").returncode == 0
    again = trained("student", "--resume")
    assert again.returncode == 1 and "had another configuration (teacher was" in again.stderr
