"""Quantization-aware training and the exporter: where values are rounded, and what it gains."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from cifarq import models
from cifarq.evaluation.evaluate import torch_predictor
from cifarq.layers import ConvNorm, ConvRelu
from cifarq.learned_ranges import Learned, Qat
from cifarq.training.fake_quantize import FakeQuantized
from cifarq_export.formats import Recipe
from cifarq_export.formats import onnx as onnx_format
from cifarq_export.sources import Source
from edge_runtime.bundle.preprocess import NormalisedBy
from edge_runtime.errors import ExportError
from edge_runtime.measure import accuracy
from edge_runtime.probes import target as targets

SHAPE = (3, 16, 16)


class SmallResidual(nn.Module):
    """Strided and padded convolutions, two ways to add, a pool of everything, two Linear layers."""

    def __init__(self):
        super().__init__()
        self.first, self.second = ConvRelu(3, 8, norm=False), ConvNorm(8, 8, norm=False)
        self.wide, self.beside = ConvNorm(8, 16, stride=2, norm=False), nn.Conv2d(8, 16, 1, 2)
        self.hidden, self.last = nn.Linear(16, 12), nn.Linear(12, 10)

    def forward(self, x):
        x = self.first(x)
        x = (self.second(x) + x).relu()
        x = self.wide(x).relu() + self.beside(x)
        x = nn.functional.adaptive_avg_pool2d(x, 1).flatten(1)
        return self.last(torch.relu_(self.hidden(x)))


NETWORKS = {
    "seed-cnn": lambda: models.get("seed-cnn").build(10, SHAPE),
    "small-residual": SmallResidual,
}


@pytest.fixture(scope="module")
def images(shipped_images):
    """Real images, halved to 16x16."""
    golden = shipped_images.golden.take(np.arange(100))
    halved = golden.images.reshape(-1, 3, 16, 2, 16, 2).mean(axis=(3, 5)).astype(np.uint8)
    return replace(golden, images=halved)


def train(model, target, given, labels, steps=5):
    """Return a model rounded as for a target, some steps away from where it began."""
    quantized = FakeQuantized(model, SHAPE, target)
    quantized.start(given)
    optimizer = torch.optim.SGD(quantized.parameters(), lr=0.02, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(quantized(given), labels).backward()
        optimizer.step()
    return quantized


@pytest.fixture(scope="module")
def trained(seed_cnn, images):
    """Make networks some steps into their training, and the same as they are exported."""
    made = {}

    def make(network, target):
        if (network, target) not in made:
            torch.manual_seed(0)
            model = NETWORKS[network]().eval()
            given = torch.from_numpy(seed_cnn.how.apply(images.images))
            quantized = train(model, target, given, torch.from_numpy(images.labels))
            learned = Learned(Qat(target, "0" * 64, 100, 0), quantized.ranges())
            how, predict = seed_cnn.how, torch_predictor(model)
            source = Source("m", SHAPE, seed_cnn.classes, how, predict, model, learned=learned)
            made[network, target] = quantized, source
        return made[network, target]

    return make


def write(source, scratch, **changes):
    """Write static INT8, and return its path and what the format says of it."""
    path = scratch / "m.onnx"
    recipe = replace(Recipe(source.how, source.learned.qat.target, scratch), **changes)
    return path, onnx_format.write(source, "int8-static", path, recipe)


@pytest.mark.int8
@pytest.mark.parametrize("target", [targets.X86, targets.X86_VNNI])
@pytest.mark.parametrize("network", NETWORKS)
def test_the_file_computes_what_was_trained(trained, images, tmp_path, network, target):
    """But for values that lie between two steps by the last bit of a float."""
    quantized, source = trained(network, target)
    path, written = write(source, tmp_path)
    wanted, fp32, file = (
        accuracy.logits_of(predict, images.images, source.how)
        for predict in (torch_predictor(quantized), source.predict, onnx_format.reference(path))
    )
    lost = np.abs(wanted - fp32).mean()
    assert np.abs(file - wanted).mean() < lost / 10
    assert accuracy.agreement(file, wanted).value == 1
    assert written.calibration.method == "learned" and written.calibration.images == 100


@pytest.mark.int8
def test_the_ranges_that_were_learned_are_those_of_the_file(trained, tmp_path):
    quantized, source = trained("small-residual", targets.ARM64)
    path, _ = write(source, tmp_path)
    model = onnx.load(path)
    held = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    nodes = [node for node in model.graph.node if node.op_type == "QuantizeLinear"]
    steps = {float(held[node.input[1]]) for node in nodes}
    assert {held[node.input[2]].dtype.type for node in nodes} == {np.int8}
    wanted = {float(np.float32((high - low) / 255)) for low, high in quantized.ranges().values()}
    assert steps == wanted


@pytest.mark.int8
def test_raw_pixels_are_rounded_in_the_same_places(trained, images, tmp_path):
    _, source = trained("small-residual", targets.X86_VNNI)
    path, _ = write(source, tmp_path, how=replace(source.how, normalised_by=NormalisedBy.ARTIFACT))
    raw = onnx_format.reference(path)(images.images)
    (tmp_path / "beside").mkdir()
    path, _ = write(source, tmp_path / "beside")
    assert (
        accuracy.agreement(
            raw, accuracy.logits_of(onnx_format.reference(path), images.images, source.how)
        ).value
        >= 0.99
    )


@pytest.mark.parametrize("change", ["lost", "more"])
def test_ranges_of_another_graph_are_refused(trained, tmp_path, change):
    _, source = trained("small-residual", targets.X86_VNNI)
    ranges = dict(source.learned.ranges)
    if change == "lost":
        ranges.pop("Relu(first.conv)")
        said = r"Relu\(first.conv\) has no range there"
    else:
        ranges["Relu(tenth.conv)"] = (0, 1)
        said = r"Relu\(tenth.conv\) is not quantized there"
    other = replace(source, learned=replace(source.learned, ranges=ranges))
    with pytest.raises(ExportError, match=said):
        write(other, tmp_path)
