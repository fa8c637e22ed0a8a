"""HardSwish and HardSigmoid in INT8: the same numbers, no conversions around them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from cifarq.evaluation.evaluate import torch_predictor
from cifarq_export import formats
from cifarq_export.formats import onnx as onnx_format
from cifarq_export.int8 import runtime
from cifarq_export.int8.hard import expand_hard


class Gated(nn.Module):
    """Convolutions with both, one of them a gate that is broadcast over the image."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3)
        self.gate, self.last = nn.Conv2d(8, 8, 1), nn.Linear(8, 10)
        self.swish, self.sigmoid = nn.Hardswish(), nn.Hardsigmoid()

    def forward(self, images):
        inner = self.swish(4 * self.first(images))
        inner = inner * self.sigmoid(3 * self.gate(inner.mean((2, 3), keepdim=True)))
        means = self.swish(self.second(inner)).mean((2, 3), keepdim=True)
        return self.last(means.flatten(1))


@pytest.fixture
def source(seed_cnn):
    torch.manual_seed(0)
    model = Gated().eval()
    return replace(seed_cnn, name="gated", predict=torch_predictor(model), module=model)


def test_fp32_stays_what_it_was(source, recipe, tmp_path, shipped_images):
    base = onnx_format.static_base(source, recipe(scratch=tmp_path))
    assert any(node.op_type == "HardSigmoid" for node in base.graph.node)
    expanded = expand_hard(base)
    assert not any(node.op_type.startswith("Hard") for node in expanded.graph.node)
    images = source.how.apply(shipped_images.validation.images[:50])
    answers = (runtime.open_model(model, "m").run(images) for model in (base, expanded))
    np.testing.assert_allclose(*answers, atol=1e-6)


@pytest.mark.parametrize("target", ["x86-vnni", "x86", "arm64"])
def test_int8_has_no_conversions_and_is_near(source, recipe, tmp_path, shipped_images, target):
    how = recipe(scratch=tmp_path, target=target)
    quantized = onnx_format.static(source, how).quantize()
    if target != "arm64":  # whose signed files ONNX Runtime rewrites for x86 before it fuses them
        assert runtime.count_conversions(quantized, tmp_path) == 0
    images = source.how.apply(shipped_images.validation.images[:50])
    path = tmp_path / "m.onnx"
    formats.get("onnx").write(source, "int8-static", path, how)
    answers, expected = formats.reference("onnx", path)(images), source.predict(images)
    assert np.abs(answers - expected).max() < 0.1 * np.ptp(expected)
    # Without what is tested here the products with 1/6 would be there, each with a rounding.
    left = [*quantized.graph.node, *quantized.graph.initializer]
    assert not any("sixth" in one.name for one in left)


def test_a_model_without_them_is_as_it_was(seed_cnn, recipe):
    base = onnx_format.static_base(seed_cnn, recipe())
    assert expand_hard(base).SerializeToString() == base.SerializeToString()
