"""Branches that one convolution can compute are merged, and only where that changes no answer."""

import re
import sys

import onnx
import pytest
import torch
from torch import nn

from cifarq.evaluation.evaluate import torch_predictor
from cifarq_export.sources import Source
from cifarq_export.sources.deployed_form import deploy
from cifarq_export.sources.opening import open_source
from cifarq_export.sources.request import SourceRequest
from edge_runtime.bundle import manifest
from edge_runtime.bundle.preprocess import Preprocessing

CLASSES = tuple("abcdefghij")

MODULE = """
import torch
from torch import nn


class Block(nn.Module):
    '''RepVGG's: a 3x3, a 1x1 and an identity, each with its batch norm.'''

    def __init__(self, width):
        super().__init__()
        self.square, self.point = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 1)
        self.norm = nn.BatchNorm2d(width)
        for tensor in (self.norm.running_mean, self.norm.weight.data):
            tensor.uniform_(0.5, 1.5)
        self.merged = None

    def forward(self, x):
        if self.merged is not None:
            return torch.relu(self.merged(x))
        return torch.relu(self.square(x) + self.point(x) + self.norm(x))

    def one(self):
        scale = self.norm.weight / torch.sqrt(self.norm.running_var + self.norm.eps)
        conv = nn.Conv2d(*self.square.weight.shape[:2], 3, padding=1)
        conv.weight.copy_(self.square.weight)
        conv.weight[:, :, 1, 1] += self.point.weight[:, :, 0, 0] + torch.diag(scale)
        shift = self.norm.bias - scale * self.norm.running_mean
        conv.bias.copy_(self.square.bias + self.point.bias + shift)
        return conv

    def merge(self):
        self.merged = self.one()
        del self.square, self.point, self.norm


class Reparameterized(Block):
    def reparameterize(self): self.merge()


class Switched(Block):
    def switch_to_deploy(self): self.merge()


class Fused(Block):
    def fuse(self): return nn.Sequential(self.one(), nn.ReLU())


class Forgets(Block):
    def reparameterize(self):
        self.point.weight.zero_()
        self.merge()


class Spoils(Block):
    def reparameterize(self):
        self.merge()
        self.merged.bias.fill_(torch.nan)


class Fails(Block):
    def fuse(self):
        self.square.weight.zero_()
        raise NotImplementedError("not for this width")


class Asks(Block):
    def fuse(self, other): return other


class Holds(Block):
    def __init__(self, width):
        super().__init__(width)
        self.fuse = nn.Identity()


class Net(nn.Module):
    def __init__(self, block):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(block(8), block(8))
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


def net(block="Reparameterized"): return Net(globals()[block])
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A function that builds a net of two such blocks, in a module that the user wrote."""
    (tmp_path / "branched.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "branched", raising=False)
    import branched

    return branched.net


def source_of(model):
    how = Preprocessing((0.5,) * 3, (0.25,) * 3)
    predict = torch_predictor(model.eval())
    return Source("net", (3, 16, 16), CLASSES, how, predict, module=model)


@pytest.mark.parametrize("block", ["Reparameterized", "Switched", "Fused"])
def test_branches_are_merged_by_whatever_their_project_calls_it(mine, block):
    torch.manual_seed(0)
    source = source_of(mine(block))
    deployed, kept = deploy(source)
    assert kept == ""
    (change,) = deployed.changes
    assert change == (
        "The model was reparameterized for deployment: 1,482 parameters instead of 1,658."
    )
    convolutions = [m for m in deployed.module.modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 3 and not deployed.module.training
    images = torch.randn(4, 3, 16, 16).numpy()
    assert deployed.predict(images) == pytest.approx(source.predict(images), abs=1e-5)
    assert len(list(source.module.named_parameters())) == 16, "the model that was given is intact"


@pytest.mark.parametrize(
    "block, why",
    [
        ("Forgets", r"answers change by 0\.\d+ of the largest"),
        ("Spoils", "answers change by nan of the largest"),
        ("Fails", "NotImplementedError: not for this width"),
    ],
)
def test_a_merge_that_fails_or_changes_answers_leaves_the_model_as_it_was(mine, block, why):
    torch.manual_seed(0)
    source = source_of(mine(block))
    images = torch.randn(4, 3, 16, 16).numpy()
    before = source.predict(images)
    deployed, kept = deploy(source)
    assert deployed is source
    assert (source.predict(images) == before).all()
    assert re.search(why, kept), kept


@pytest.mark.parametrize("block", ["Block", "Asks", "Holds"])
def test_what_offers_no_deployed_form_is_passed_over_in_silence(mine, block):
    source = source_of(mine(block))
    assert deploy(source) == (source, "")


def test_a_bundle_is_of_the_deployed_form_and_says_so(run, mine, tmp_path):
    done = run(
        "cifarq_export", "--model", "branched:net", "--input-shape", "3,32,32", "--out", "b",
        "--format", "onnx", "--precision", "fp32", "--validation-images", "20",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (change,) = manifest.read(tmp_path / "b").changes
    assert f"Note: {change}" in done.stderr.splitlines()
    graph = onnx.load(tmp_path / "b" / "net-fp32.onnx").graph
    assert sum(node.op_type == "Conv" for node in graph.node) == 3


def test_branches_can_be_kept(mine):
    asked = {"factory": "branched:net", "input_shape": (3, 32, 32)}
    assert open_source(SourceRequest(**asked)).source.changes
    assert not open_source(SourceRequest(**asked, keep_branches=True)).source.changes


def test_why_branches_are_kept_is_told(mine):
    request = SourceRequest(
        factory="branched:net", model_args=("block=Fails",), input_shape=(3, 32, 32)
    )
    assert "The model's branches are kept" in " ".join(open_source(request).notes)
