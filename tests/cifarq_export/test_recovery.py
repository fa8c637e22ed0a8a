"""Accuracy that static INT8 gets back by other ranges, on a network that the first ones ruin."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from cifarq.evaluation.evaluate import torch_predictor
from cifarq_export.check import baseline, recovery
from cifarq_export.check.arithmetic import JudgedBy
from cifarq_export.check.sensitivity import Subject
from cifarq_export.formats import onnx as onnx_format
from cifarq_export.int8 import bias_correction
from cifarq_export.int8.calibrate import Calibration
from cifarq_export.int8.thresholds import ALTERNATIVES
from edge_runtime.measure import accuracy


@pytest.fixture
def subject(recipe, shipped_images, tmp_path):
    """Return a model and the methods that may be tried, judged by arithmetic without saturation."""

    def make(source, alternatives=ALTERNATIVES):
        calibration = Calibration(shipped_images.calibration, alternatives=alternatives)
        fp32 = baseline.answer(source, shipped_images.validation)
        made = recipe(calibration=calibration, scratch=tmp_path)
        return Subject(source, "onnx", made, fp32, JudgedBy.REFERENCE)

    return make


@pytest.fixture
def with_outliers(seed_cnn, shipped_images):
    """A network one of whose channels is huge for a handful of pixels, and never looked at."""
    torch.manual_seed(0)
    first, second, last = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 16, 3, stride=4), nn.Linear(16 * 49, 10)
    model = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Flatten(), last).eval()
    with torch.no_grad():
        seen = first(torch.from_numpy(seed_cnn.how.apply(shipped_images.calibration.images)))[:, 0]
        fifth = seen.flatten().sort(descending=True).values[4]
        first.weight[0] *= 1e4
        first.bias[0] = 1e4 * (first.bias[0] - fifth)
        second.weight[:, 0] = 0
    return replace(seed_cnn, name="outliers", predict=torch_predictor(model), module=model)


def test_another_method_is_taken_where_minmax_loses_the_classes(
    subject, with_outliers, shipped_images
):
    made = subject(with_outliers)
    found = recovery.recover(made)
    chosen = found.subject.recipe.calibration.method
    assert chosen in ALTERNATIVES
    assert found.agreements["minmax"] < 0.8 < 0.9 < found.agreements[chosen]
    assert f"found by {chosen}" in found.describe() and ", not minmax" in found.describe()
    # So it is on images that were not chosen by, computed from the file that ships.
    images, how = shipped_images.validation.images, with_outliers.how
    agreements = []
    for one in (made, found.subject):
        path = one.recipe.scratch / "m.onnx"
        written = onnx_format.write(with_outliers, "int8-static", path, one.recipe)
        logits = accuracy.logits_of(onnx_format.reference(path), images, how)
        agreements.append(accuracy.agreement(logits, one.baseline.logits).value)
    assert agreements[1] > agreements[0] + 0.1
    assert written.calibration.method == chosen


def test_a_method_that_was_named_is_kept(subject, with_outliers):
    made = subject(with_outliers, alternatives=())
    found = recovery.recover(made)
    assert found.subject == made and found.describe() == ""


def test_nothing_else_is_tried_where_the_first_method_keeps_the_classes(subject, seed_cnn):
    found = recovery.recover(subject(seed_cnn))
    assert list(found.agreements) == ["minmax"] and found.agreements["minmax"] >= recovery.ENOUGH
    assert found.subject.recipe.calibration.method == "minmax" and found.describe() == ""


def test_biases_are_corrected_once_for_all_trials_of_an_export(
    seed_cnn, recipe, shipped_images, tmp_path, monkeypatch
):
    corrected = []
    correct = bias_correction.correct_biases
    monkeypatch.setattr(
        bias_correction, "correct_biases", lambda *given: corrected.append(1) or correct(*given)
    )
    calibration = Calibration(shipped_images.calibration.take(np.arange(16)))
    made = recipe(calibration=calibration, correct_biases=True, scratch=tmp_path)
    first, second = (onnx_format.static(seed_cnn, made) for _ in range(2))
    assert corrected == [1] and first.model == second.model
    onnx_format.static(seed_cnn, replace(made, target="arm64"))
    assert corrected == [1, 1]


def test_corrected_biases_keep_the_mean_of_every_layers_output(seed_cnn, recipe, shipped_images):
    """Computed as ONNX defines the file, before any activation is rounded: in the first layer."""
    images = shipped_images.calibration.take(np.arange(64))
    plain = recipe(target="x86", calibration=Calibration(images))  # 7 bits: much is lost
    given = torch.from_numpy(seed_cnn.how.apply(images.images))
    wanted = seed_cnn.module.conv1(given).detach()
    errors = {}
    for corrected in (False, True):
        static = onnx_format.static(seed_cnn, replace(plain, correct_biases=corrected))
        node = next(n for n in static.model.graph.node if n.op_type == "Conv")
        held = [*static.model.graph.initializer, *static.quantize().graph.initializer]
        values = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in held}
        codes, scale = (values[f"{node.input[1]}_{what}"] for what in ("quantized", "scale"))
        weight = codes * scale[:, None, None, None]
        made = nn.functional.conv2d(given, weight, values[node.input[2]], padding=1)
        errors[corrected] = float((made - wanted).mean(dim=(0, 2, 3)).abs().max())
    assert errors[True] < 1e-5 < 1e-3 < errors[False]


def test_a_split_leaves_no_conversions(recipe, seed_cnn, tmp_path):
    """Half of the channels pass by, as in ShuffleNet."""

    class Halves(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.inner = nn.Conv2d(3, 8, 3, 2), nn.Conv2d(4, 4, 1)
            self.last = nn.Linear(8 * 15 * 15, 10)

        def forward(self, x):
            passes, works = torch.relu(self.first(x)).chunk(2, dim=1)
            return self.last(torch.cat([passes, torch.relu(self.inner(works))], 1).flatten(1))

    from cifarq_export.int8 import runtime

    model = Halves().eval()
    source = replace(seed_cnn, name="halves", predict=torch_predictor(model), module=model)
    made = recipe(scratch=tmp_path)
    quantized = onnx_format.static(source, made).quantize()
    assert any(node.op_type in ("Split", "Slice") for node in quantized.graph.node)
    assert runtime.count_conversions(quantized, made.scratch) == 0
    assert np.isfinite(
        onnx_format.static(source, made).open()(np.zeros((1, 3, 32, 32), np.float32))
    ).all()
