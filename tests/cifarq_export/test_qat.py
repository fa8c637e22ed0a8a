"""Quantization-aware training and the exporter: where values are rounded, and what it gains."""

import copy
import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from cifarq import checkpoint, models
from cifarq.evaluation.evaluate import torch_predictor
from cifarq.layers import ConvNorm, ConvRelu
from cifarq.learned_ranges import Learned, Qat
from cifarq.training.fake_quantize import FakeQuantized
from cifarq_export.formats import Recipe
from cifarq_export.formats import onnx as onnx_format
from cifarq_export.int8.calibrate import Calibration
from cifarq_export.sources import Source
from cifarq_export.sources.checkpoint import trained_from
from edge_runtime.bundle.preprocess import NormalisedBy
from edge_runtime.errors import CheckpointError, ExportError
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
    return replace(golden, images=halve(golden.images))


def halve(pixels):
    """Return images (N, 3, 32, 32) at half their sides."""
    return pixels.reshape(-1, 3, 16, 2, 16, 2).mean(axis=(3, 5)).astype(np.uint8)


def learn(model, optimizer, given, labels, steps):
    """Take some steps, each on 64 of the images at most."""
    for _ in range(steps):
        chosen = torch.randperm(len(given))[:64]
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(given[chosen]), labels[chosen]).backward()
        optimizer.step()


@pytest.fixture(scope="module")
def trained(seed_cnn, images):
    """Make networks some steps into their training, and the same as they are exported."""
    made = {}

    def make(network, target):
        if (network, target) not in made:
            torch.manual_seed(0)
            model = NETWORKS[network]().eval()
            given = torch.from_numpy(seed_cnn.how.apply(images.images))
            quantized = FakeQuantized(model, SHAPE, target)
            quantized.start(given)
            optimizer = torch.optim.SGD(quantized.parameters(), lr=0.02, momentum=0.9)
            learn(quantized, optimizer, given, torch.from_numpy(images.labels), steps=5)
            learned = Learned(Qat(target, "0" * 64, 100, 0), quantized.ranges())
            how, predict = seed_cnn.how, torch_predictor(model)
            source = Source("m", SHAPE, seed_cnn.classes, how, predict, model, learned=learned)
            made[network, target] = quantized, source
        return made[network, target]

    return make


def write(source, scratch, **changes):
    """Write static INT8, and return its path and what the format says of it."""
    path = scratch / "m.onnx"
    target = source.learned.qat.target if source.learned else ""
    recipe = replace(Recipe(source.how, target, scratch), **changes)
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


@pytest.mark.int8
def test_training_keeps_classes_that_calibration_loses(seed_cnn, images, shipped_images, tmp_path):
    """One channel is a thousand times larger than the others, for no reason of the network's."""
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(512, 10)),
    )
    pixels = halve(shipped_images.calibration.images)
    given = torch.from_numpy(seed_cnn.how.apply(pixels))
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    labels = torch.from_numpy(shipped_images.calibration.labels)
    learn(model, optimizer, given, labels, steps=100)
    model.eval()
    with torch.no_grad():
        model[0].weight[0] *= 1000
        model[0].bias[0] *= 1000
        model[2].weight[:, 0] /= 1000
    source = Source("m", SHAPE, seed_cnn.classes, seed_cnn.how, torch_predictor(model), model)
    fp32 = accuracy.logits_of(source.predict, images.images, source.how)

    calibration = Calibration(replace(shipped_images.calibration, images=pixels))
    path, _ = write(source, tmp_path, target=targets.X86, calibration=calibration)
    calibrated = accuracy.logits_of(onnx_format.reference(path), images.images, source.how)

    again = copy.deepcopy(model)
    classes = model(given).argmax(1)
    quantized = FakeQuantized(again, SHAPE, targets.X86)
    quantized.start(given)
    optimizer = torch.optim.SGD(quantized.parameters(), lr=2e-5, momentum=0.9)
    learn(quantized, optimizer, given, classes, steps=50)
    learned = Learned(Qat(targets.X86, "0" * 64, 512, 0), quantized.ranges())
    (tmp_path / "qat").mkdir()
    path, _ = write(replace(source, module=again, learned=learned), tmp_path / "qat")
    trained = accuracy.logits_of(onnx_format.reference(path), images.images, source.how)
    kept = accuracy.agreement(trained, fp32).value
    assert kept > accuracy.agreement(calibrated, fp32).value + 0.08


@pytest.fixture(scope="module")
def checkpoint_folder(seed_cnn, shipped_images, tmp_path_factory):
    """What training made of the shipped seed CNN in no step at all."""
    start = checkpoint.load(seed_cnn.checkpoint)
    quantized = FakeQuantized(start.model(), start.input_shape, targets.X86)
    quantized.start(torch.from_numpy(seed_cnn.how.apply(shipped_images.calibration.images[:64])))
    learned = Learned(Qat(targets.X86, start.digest, 64, 0), quantized.ranges())
    folder = tmp_path_factory.mktemp("seed-cnn-qat")
    checkpoint.save(replace(start, learned=learned), folder)
    return folder


FEW = ("--format", "onnx", "--target", "x86", "--validation-images", "60")


@pytest.mark.slow
@pytest.mark.int8
def test_a_checkpoint_is_exported_with_its_ranges(run, checkpoint_folder, tmp_path):
    asked = (checkpoint_folder, *FEW, "--precision", "int8-static", "--min-speedup", "0")
    done = run("cifarq_export", *asked, "--out", "b")
    assert done.returncode == 0, done.stderr
    (artifact,) = json.loads((tmp_path / "b" / "manifest.json").read_text())["artifacts"]
    assert artifact["calibration"] == {
        "method": "learned",
        "images": 64,
        "split": "train",
        "seed": 0,
        "corrected_biases": False,
    }
    assert artifact["parity"]["top1_agreement"] > 0.9 and artifact["fallback"] == []
    refused = run("cifarq_export", *asked, "--out", "c", "--calibration", "minmax")
    assert refused.returncode == 2 and "learned by `cifarq train --qat`" in refused.stderr


@pytest.mark.slow
def test_what_was_trained_is_compared_with_what_is_calibrated(run, checkpoint_folder):
    few = (*FEW, "--calibration-images", "16", "--json")
    done = run("cifarq_export", "compare", *few, "--qat", checkpoint_folder)
    assert done.returncode == 0, done.stderr
    rows = {row["file"]: row for row in json.loads(done.stdout)["rows"]}
    assert list(rows)[-1] == "seed-cnn-qat-int8-static.onnx"
    both = [rows[f"{name}-int8-static.onnx"] for name in ("seed-cnn", "seed-cnn-qat")]
    assert both[0]["size_bytes"] == pytest.approx(both[1]["size_bytes"], abs=500)
    assert all(row["agreement"]["value"] > 0.9 for row in both)


def test_only_what_was_trained_from_a_model_is_compared_with_it(
    seed_cnn, checkpoint_folder, tmp_path
):
    trained = trained_from(checkpoint_folder, seed_cnn)
    assert trained.name == "seed-cnn-qat" and trained.learned.qat.images == 64
    with pytest.raises(CheckpointError, match="holds no learned ranges"):
        trained_from(seed_cnn.checkpoint, seed_cnn)
    loaded = checkpoint.load(seed_cnn.checkpoint)
    other = {name: tensor + 1 for name, tensor in loaded.weights.items()}
    checkpoint.save(replace(loaded, weights=other), tmp_path)
    with pytest.raises(CheckpointError, match="did not start from"):
        trained_from(checkpoint_folder, replace(seed_cnn, checkpoint=tmp_path))
