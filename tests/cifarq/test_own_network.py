"""A network of one's own: what it begins with, what of it learns, and what is never run unasked."""

import dataclasses
import json

import numpy as np
import pytest
import safetensors.torch

pytest.importorskip("torch")
import torch

from cifarq import checkpoint, weights
from cifarq.factory import Factory
from cifarq.training import freezing, train
from cifarq.training.imbalance import class_weights, describe
from cifarq.training.loss import Loss
from cifarq.training.report import Progress, TrainConfig
from edge_runtime.errors import CheckpointError, UsageError

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("one_thread")]

MODULE = """
from pathlib import Path
from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes=10, width=8):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, width, 3, 2, 1), nn.BatchNorm2d(width), nn.ReLU(), nn.Dropout(0.5))
        self.body = nn.Sequential(nn.Conv2d(width, width, 3, 2, 1), nn.BatchNorm2d(width))
        self.classifier = nn.Linear(width, num_classes)
        self.spare = nn.Linear(2, 2)
    def forward(self, x):
        return self.classifier(self.body(self.features(x)).relu().mean((2, 3)))

def net(**arguments): return Net(**arguments)
def ten(width=8): return Net(width=width)
def pair(num_classes): return nn.Sequential(Net(num_classes), nn.LSTM(num_classes, num_classes))
"""
EVIL = """
from pathlib import Path
Path("it ran").write_text("")
"""


@pytest.fixture(autouse=True)
def beside(tmp_path, monkeypatch):
    """A folder to work in, with a module beside the user."""
    (tmp_path / "ownnet.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


NET = Factory("ownnet:net", ("width=4",))
CONFIG = TrainConfig("net", epochs=2, batch_size=50, factory=NET)


@pytest.fixture
def file(beside):
    """Weights for ten classes."""
    torch.manual_seed(1)
    tensors = Factory("ownnet:net", ("width=4", "num_classes=10")).build(2, (3, 16, 16))
    safetensors.torch.save_file(tensors.state_dict(), beside / "ten.safetensors")
    return beside / "ten.safetensors"


def test_a_function_that_takes_num_classes_is_given_it_and_another_is_not():
    assert NET.build(3, (3, 8, 8)).classifier.out_features == 3
    assert Factory("ownnet:ten").build(3, (3, 8, 8)).classifier.out_features == 10
    given = Factory("ownnet:net", ("num_classes=7",))
    assert given.build(3, (3, 8, 8)).classifier.out_features == 7


def test_its_checkpoint_says_what_built_it_and_is_built_by_that_alone(two_classes, beside):
    train.train(CONFIG, two_classes, beside / "run")
    kept = checkpoint.load(beside / "run")
    assert (kept.architecture, kept.factory) == ("net", NET)
    images = torch.rand(4, 3, 16, 16)
    assert kept.model(NET)(images).shape == (4, 2)
    for other in (None, Factory("ownnet:net"), Factory("ownnet:ten", ("width=4",))):
        with pytest.raises(CheckpointError) as caught:
            kept.model(other)
        typed = "run --model ownnet:net --model-arg width=4"
        assert f"cifarq evaluate {beside}/{typed}" in caught.value.remedy
        assert f"cifarq-export {beside}/{typed}" in caught.value.remedy


def test_a_head_for_other_classes_is_left_and_the_rest_is_loaded(file):
    torch.manual_seed(2)
    model = NET.build(3, (3, 16, 16))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    left = weights.load(model, file, new_head=3)
    assert left == ("classifier.weight", "classifier.bias")
    there = safetensors.torch.load_file(file)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name] if name in left else there[name]), name


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.pop("body.0.weight"), "Missing key.*body.0.weight"),
        (lambda t: t.update(extra=torch.zeros(1)), "Unexpected key.*extra"),
        (lambda t: t.update({"body.0.bias": torch.zeros(5)}), "size mismatch for body.0.bias"),
        (lambda t: t.update({"classifier.weight": torch.zeros(10, 5)}), "mismatch for classifier"),
    ],
)
def test_whatever_else_does_not_fit_is_named(file, change, said):
    tensors = safetensors.torch.load_file(file)
    change(tensors)
    safetensors.torch.save_file(tensors, file)
    with pytest.raises(CheckpointError, match=f"do not fit the model: .*{said}"):
        weights.load(NET.build(3, (3, 16, 16)), file, new_head=3)


class Notes(Progress):
    def __init__(self):
        self.notes = []

    def notice(self, line):
        self.notes.append(line)


def test_what_is_frozen_stays_to_the_bit_statistics_too_and_the_rest_learns(
    file, two_classes, beside
):
    config = dataclasses.replace(CONFIG, weights=str(file), freeze=("features.",), peak_lr=0.01)
    told = Notes()
    train.train(config, two_classes, beside / "run", progress=told)
    assert told.notes == [
        f"Note: classifier.weight, classifier.bias of {file} are for another number of classes: "
        "they begin as the model was made."
    ]
    began, ended = safetensors.torch.load_file(file), checkpoint.load(beside / "run").weights
    for name, tensor in ended.items():
        stays = name.startswith(("features.", "spare."))
        assert (began[name].shape == tensor.shape and torch.equal(began[name], tensor)) == stays, (
            name
        )


def test_a_frozen_dropout_lets_everything_pass_in_training():
    model = NET.build(2, (3, 16, 16))
    freezing.keep_evaluating(model.train(), ("features.",))
    assert model.training and model.body.training and model.body[1].training
    assert not any(module.training for module in model.features.modules())


@pytest.mark.parametrize(
    ("prefixes", "said"),
    [
        (("feature.",), "--freeze feature.: no parameter's name begins so. Did you mean 'features"),
        (("zzz",), "Begin with one of: features., body., classifier., spare.."),
        (("",), "leaves no parameter"),
    ],
)
def test_a_prefix_without_parameters_is_refused_naming_those_near(prefixes, said):
    with pytest.raises(UsageError) as caught:
        freezing.freeze(NET.build(2, (3, 16, 16)), prefixes)
    assert said in str(caught.value)


def test_an_interrupted_run_with_frozen_parts_and_photographs_ends_at_the_same_weights(
    file, two_classes, beside
):
    class Interruption(Progress):
        def step(self, epoch, done, total):
            if epoch == 2:
                raise KeyboardInterrupt

    config = dataclasses.replace(
        CONFIG, weights=str(file), freeze=("features.0",), image_size=16, balanced=True
    )
    train.train(config, two_classes, beside / "whole")
    with pytest.raises(KeyboardInterrupt):
        train.train(config, two_classes, beside / "halves", progress=Interruption())
    train.train(config, two_classes, beside / "halves", resume=True)
    one, two = (checkpoint.load(beside / name) for name in ("whole", "halves"))
    assert all(torch.equal(one.weights[name], two.weights[name]) for name in one.weights)
    assert one.resize.shorter == 16
    with pytest.raises(CheckpointError, match="balanced was True, is False"):
        other = dataclasses.replace(config, balanced=False)
        train.train(other, two_classes, beside / "halves", resume=True)


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        (Factory("ownnet:ten"), r"array \(2, 10\); with 2 classes it has to be \(2, 2\)"),
        (Factory("ownnet:pair"), "answers with a tuple"),
        (Factory("ownnet:net", ("width=x",)), "--model ownnet:net: TypeError"),
        (Factory("ownnet:absent"), "ownnet has no 'absent'"),
    ],
)
def test_what_is_no_classifier_is_refused_before_the_first_step(two_classes, beside, factory, said):
    config = dataclasses.replace(CONFIG, factory=factory)
    with pytest.raises(UsageError, match=said):
        train.train(config, two_classes, beside / "run")
    assert list((beside / "run").iterdir()) == []


def test_a_checkpoint_never_imports_the_module_that_it_names(run, two_classes, beside):
    train.train(CONFIG, two_classes, beside / "run")
    metadata = json.loads((beside / "run" / "checkpoint.json").read_text())
    metadata["factory"]["function"] = "evil:net"
    (beside / "run" / "checkpoint.json").write_text(json.dumps(metadata))
    (beside / "evil.py").write_text(EVIL)
    for command in (
        ("cifarq", "evaluate", "run"),
        ("cifarq", "evaluate", "run", "--model", "ownnet:net", "--model-arg", "width=4"),
        ("cifarq_export", "run"),
        ("cifarq_export", "compare", "run"),
    ):
        done = run(*command)
        assert done.returncode == 1, done.stderr
        assert "--model evil:net --model-arg width=4" in done.stderr
        assert done.stderr.count("\n") == 1
    assert not (beside / "it ran").exists()


def test_a_checkpoint_of_a_function_is_called_by_its_name_alone(two_classes, beside):
    train.train(CONFIG, two_classes, beside / "run")
    metadata = json.loads((beside / "run" / "checkpoint.json").read_text())
    metadata["architecture"] = "../outside"
    (beside / "run" / "checkpoint.json").write_text(json.dumps(metadata))
    with pytest.raises(CheckpointError, match=r"no model '\.\./outside'"):
        checkpoint.load(beside / "run")


def test_each_class_weighs_alike_and_an_image_weighs_1_on_average():
    labels = np.array([0] * 30 + [1] * 10 + [2] * 2)
    each = class_weights(labels, 3)
    assert [each[label] * count for label, count in enumerate((30, 10, 2))] == pytest.approx(
        [14] * 3
    )
    assert each[labels].mean() == pytest.approx(1)
    logits = torch.zeros(3, 3)
    logits[:, 0] = 1
    plain, weighted = (
        Loss(0.0, None, w)(torch.zeros(3), logits, torch.tensor([0, 0, 2]))
        for w in (None, torch.from_numpy(each))
    )
    assert weighted > plain  # the rare class is the one that is wrong


def test_uneven_classes_are_told_with_their_counts_and_even_ones_are_not():
    labels = np.array([0] * 30 + [1] * 10 + [2] * 20)
    said = describe(labels, ("ant", "bee", "cat"))
    assert said == "The classes are uneven; training images: ant 30, cat 20, bee 10."
    assert describe(labels[1:], ("ant", "bee", "cat")) == ""
    many = describe(np.repeat(np.arange(40), np.arange(1, 41)), tuple(map(str, range(40))))
    assert many.endswith(": 39 40, 38 39, 37 38, 36 37, 35 36, ..., 4 5, 3 4, 2 3, 1 2, 0 1.")
