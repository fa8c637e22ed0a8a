"""Blocks around an operator without an INT8 kernel, returned to FP32 where INT8 is slow."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from cifarq.evaluation.evaluate import torch_predictor
from cifarq_export import formats
from cifarq_export.bundle import slow_blocks
from cifarq_export.bundle.artifact import Maker
from cifarq_export.check import baseline, interleaving, speed
from cifarq_export.check.gates import Limits
from cifarq_export.check.speed import Speed
from cifarq_export.int8 import blocks
from edge_runtime.files import sha256_of
from edge_runtime.results.statistics import Estimate


@pytest.fixture
def maker(seed_cnn, recipe, shipped_images, tmp_path):
    """What makes a network of four layers, the first two with an ELU between them."""
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(3, 8, 3, stride=2), nn.ELU(), nn.Conv2d(8, 8, 3), nn.ReLU()),
        *(nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 11 * 11, 10)),
    ).eval()
    source = replace(seed_cnn, name="net", predict=torch_predictor(model), module=model)
    fp32 = baseline.answer(source, shipped_images.validation)
    return Maker(source, tmp_path, recipe(scratch=tmp_path), fp32, Limits(max_drop=100))


def test_a_block_reaches_from_layer_to_layer_and_has_no_conversions(maker):
    static = formats.static("onnx", maker.source, maker.recipe)
    (block,) = blocks.around(static.model, "Elu")
    assert [static.layers[node] for node in block if node in static.layers] == ["0", "2"]
    assert blocks.around(static.model, "Erf") == []


def test_a_slow_artifact_is_taken_with_its_block_in_fp32(maker, monkeypatch):
    monkeypatch.setattr(speed, "ROUNDS", 2)
    monkeypatch.setattr(speed, "STRETCH_S", 0.01)
    # Other tests run beside this one: that is no reason not to measure here.
    monkeypatch.setattr(interleaving.Stretches, "lost_time", lambda stretches, name: "")
    fp32 = maker.make("onnx", "fp32").path
    made = maker.make("onnx", "int8-static")
    assert made.explanation.quantize_nodes_between == 2

    fast = replace(made, speed=Speed(Estimate(1.2, 0.9, 1.5)))
    assert slow_blocks.speed_up(fast, maker, fp32) is fast

    before = sha256_of(made.path)
    # Whatever is measured, it is faster.
    slow = replace(made, speed=Speed(Estimate(0.001, 0.001, 0.001)))
    faster = slow_blocks.speed_up(slow, maker, fp32)
    assert faster.faster_fp32 == ("0", "2") and faster.speed.ratio.value > 0.001
    assert faster.explanation.quantize_nodes_between == 0
    assert (
        "faster than INT8 with the conversions"
        in faster.explanation.to_manifest().why_fp32["FusedConv"]
    )
    assert sha256_of(made.path) != before and faster.size_bytes == made.path.stat().st_size

    lossy = replace(maker, limits=Limits(max_drop=-100))
    unlike = replace(slow, checked=replace(made.checked, drop=Estimate(-200, -200, -200)))
    before = sha256_of(made.path)
    assert slow_blocks.speed_up(unlike, lossy, fp32) is unlike and sha256_of(made.path) == before


def test_blocks_that_would_leave_nothing_in_int8_are_not_tried(maker):
    """lcnet_050: the blocks around what had no INT8 kernel were the whole network."""
    maker.make("onnx", "fp32")
    static = formats.static("onnx", maker.source, maker.recipe)
    rest = tuple(node for node, layer in static.layers.items() if layer not in ("0", "2"))
    few = replace(maker, recipe=replace(maker.recipe, keep_fp32=rest))
    made = replace(few.make("onnx", "int8-static"), recipe=few.recipe)
    slow = replace(made, speed=Speed(Estimate(0.001, 0.001, 0.001)))
    assert slow_blocks.speed_up(slow, few, made.path) is slow
