"""No long stage of an export is silent: each is told from its beginning to its end."""

from collections import defaultdict

import pytest
import torch
from torch import nn

from cifarq.data import cifar10
from cifarq.evaluation.evaluate import torch_predictor
from cifarq_export.bundle import build as bundles
from cifarq_export.bundle.request import Request
from cifarq_export.check.gates import Limits
from cifarq_export.sources import Source
from cifarq_export.sources.images import Gatherer
from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.bundle.resizing import Resizing

PRECISIONS = ("fp32", "int8-dynamic")


@pytest.fixture
def told():
    """What a watch was told: for each stage how much was done, and of how much."""
    return defaultdict(lambda: [0, set()])


def test_every_stage_of_an_export_is_told_and_ends(told, tmp_path):
    def watch(what, done, total):
        told[what][0] += done
        told[what][1].add(total)

    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(392, 10)).eval()
    how = Preprocessing(cifar10.MEAN, cifar10.STD)
    predict = torch_predictor(model)
    source = Source("net", (3, 16, 16), cifar10.CLASSES, how, predict, module=model)
    images = Gatherer(None, Resizing(16)).gather(
        source.classes,
        source.input_shape,
        calibration_images=16,
        validation_images=40,
        watch=watch,
    )
    pairs = tuple(("torchscript", precision) for precision in PRECISIONS)
    request = Request(pairs, "x86", limits=Limits(max_drop=100, min_speedup=0))
    bundles.build(tmp_path, source, request, images, watch)
    assert {what: (done, totals) for what, (done, totals) in told.items()} == {
        "reading calibration images": (16, {16}),
        "reading validation images": (40, {40}),
        "reading golden images": (500, {500}),
        "answers of FP32 PyTorch": (40, {40}),
        "answers to the golden images": (1_000, {1_000}),
        **{
            f"{verb} net-{precision}.torchscript.pt": (count, {count})
            for precision in PRECISIONS
            for verb, count in (("writing", 1), ("checking", 40), ("explaining", 1))
        },
    }
