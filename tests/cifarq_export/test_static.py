"""Static INT8: one clean graph, made for its target, that answers as FP32 does."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifarq import models
from cifarq_export.formats import onnx as onnx_format
from cifarq_export.int8 import calibrate, runtime
from cifarq_export.int8.cache import Cache
from cifarq_export.int8.calibrate import Calibration
from edge_runtime import engines
from edge_runtime.bundle.preprocess import NormalisedBy, Preprocessing
from edge_runtime.errors import DataError, ExportError
from edge_runtime.measure import accuracy

SIZE_LIMIT = 2_375_680


def written(source, recipe, precision="int8-static"):
    path = recipe.scratch / f"{precision}.onnx"
    onnx_format.write(source, precision, path, recipe)
    return path


def weights_of(path):
    return {
        tensor.name: onnx.numpy_helper.to_array(tensor)
        for tensor in onnx.load(path).graph.initializer
    }


@pytest.mark.parametrize(
    "target, activations, largest_weight",
    [("x86-vnni", np.uint8, 127), ("x86", np.uint8, 64), ("arm64", np.int8, 127)],
)
def test_numbers_are_stored_as_the_target_multiplies_them(
    seed_cnn, recipe, target, activations, largest_weight
):
    path = written(seed_cnn, recipe(target=target))
    held = weights_of(path)
    quantized = {n: v for n, v in held.items() if n.endswith(".weight_quantized")}
    assert len(quantized) == 6 and all(v.dtype == np.int8 for v in quantized.values())
    assert 0.9 * largest_weight < max(int(np.abs(v.astype(int)).max()) for v in quantized.values())
    assert max(int(np.abs(v.astype(int)).max()) for v in quantized.values()) <= largest_weight
    nodes = onnx.load(path).graph.node
    zero_points = [held[n.input[2]] for n in nodes if n.op_type == "QuantizeLinear"]
    assert {v.dtype.type for v in zero_points} == {activations}


def test_weights_have_a_scale_a_channel(seed_cnn, recipe):
    path = written(seed_cnn, recipe())
    held = weights_of(path)
    scales = {
        node.input[0].removesuffix("_quantized"): held[node.input[1]]
        for node in onnx.load(path).graph.node
        if ".weight" in node.input[0]
    }
    assert {name: len(v) for name, v in scales.items()} == {
        "conv1.weight": 32,
        "conv2.weight": 64,
        "conv3.weight": 128,
        "conv4.weight": 128,
        "fc1.weight": 256,
        "fc2.weight": 10,
    }


@pytest.mark.parametrize("target", ["x86-vnni", "arm64"])
@pytest.mark.parametrize("name, most_bytes", [("tiny", 98_496), ("accurate", 2**20)])
def test_a_model_has_the_size_that_it_was_made_for(
    seed_cnn, shipped_images, recipe, tmp_path, name, most_bytes, target
):
    module = models.get(name).build(10, (3, 32, 32)).eval()
    few = Calibration(shipped_images.calibration.take(np.arange(16)))
    made = recipe(scratch=tmp_path, target=target, calibration=few)
    path = written(replace(seed_cnn, name=name, module=module), made)
    assert 0.9 * most_bytes < path.stat().st_size <= most_bytes


@pytest.mark.parametrize("target", ["x86-vnni", "x86", "arm64"])
@pytest.mark.parametrize("normalised_by", list(NormalisedBy))
def test_nothing_is_left_between_the_integer_kernels(seed_cnn, recipe, target, normalised_by):
    how = replace(seed_cnn.how, normalised_by=normalised_by)
    made = recipe(target=target, how=how)
    model = onnx.load(written(seed_cnn, made))
    assert runtime.count_conversions(model, made.scratch) == 0
    kinds = [n.op_type for n in runtime.optimise(model, runtime.ALL, made.scratch).graph.node]
    assert kinds.count("QLinearConv") == 4 and kinds.count("QGemm") == 2
    assert kinds.count("QuantizeLinear") == 1  # of the input
    assert not {"DequantizeLinear", "Relu", "Conv", "Gemm"} & set(kinds)


def test_conversions_that_are_left_are_counted(seed_cnn, recipe):
    made = recipe(keep_fp32=("node_conv2d_2",))
    model = onnx.load(written(seed_cnn, made))
    assert runtime.count_conversions(model, made.scratch) == 2  # into the layer, and out


@pytest.mark.parametrize("precision", ["fp32", "int8-dynamic", "int8-static"])
def test_raw_pixels_give_the_same_logits_as_normalised_ones(
    seed_cnn, recipe, shipped_images, precision
):
    """Checked on raw images: the artifact's own normalisation against the runtime's."""
    images = shipped_images.golden.images[:100]
    found = {}
    for normalised_by in NormalisedBy:
        how = replace(seed_cnn.how, normalised_by=normalised_by)
        scratch = recipe().scratch / normalised_by
        scratch.mkdir()
        path = written(seed_cnn, recipe(how=how, scratch=scratch), precision)
        session = engines.load("onnxruntime", path.read_bytes(), path.name)
        found[normalised_by] = accuracy.logits_of(session.run, images, how)
    inside, outside = found[NormalisedBy.ARTIFACT], found[NormalisedBy.RUNTIME]
    if precision == "fp32":
        np.testing.assert_allclose(inside, outside, atol=1e-4)
    assert accuracy.agreement(inside, outside).value >= 0.99


def test_the_file_is_small_and_answers_as_fp32(seed_cnn, recipe, shipped_images):
    path = written(seed_cnn, recipe())
    assert path.stat().st_size <= SIZE_LIMIT
    images = shipped_images.validation.images
    # As its target computes: x86-vnni, which does not saturate.
    logits = accuracy.logits_of(onnx_format.reference(path), images, seed_cnn.how)
    fp32 = accuracy.logits_of(seed_cnn.predict, images, seed_cnn.how)
    assert accuracy.agreement(logits, fp32).value >= 0.985
    # Logits are not rounded to 8 bits: hardly two of them are the same.
    assert len(np.unique(logits)) > 0.95 * logits.size


@pytest.mark.parametrize("method", ["entropy", "percentile"])
@pytest.mark.slow
def test_every_method_keeps_the_answers(seed_cnn, recipe, shipped_images, method):
    made = recipe(calibration=Calibration(shipped_images.calibration, method))
    images = shipped_images.validation.images
    run = onnx_format.reference(written(seed_cnn, made))
    logits = accuracy.logits_of(run, images, seed_cnn.how)
    fp32 = accuracy.logits_of(seed_cnn.predict, images, seed_cnn.how)
    assert accuracy.agreement(logits, fp32).value >= 0.97


def test_layers_kept_in_fp32_keep_their_weights(seed_cnn, recipe):
    held = weights_of(written(seed_cnn, recipe(keep_fp32=("node_conv2d_2",))))
    assert held["conv3.weight"].dtype == np.float32
    assert held["conv4.weight_quantized"].dtype == np.int8


def test_layers_are_called_as_in_the_model(seed_cnn, recipe):
    layers = onnx_format.static(seed_cnn, recipe()).layers
    assert list(layers.values()) == ["conv1", "conv2", "conv3", "conv4", "fc1", "fc2"]


def calibration(images, count=None):
    return Calibration(images.take(np.arange(count or len(images))))


def test_ranges_hold_every_value_and_zero(seed_cnn, recipe, shipped_images, tmp_path):
    base = onnx_format.static_base(seed_cnn, recipe())
    few = calibration(shipped_images.calibration, 20)
    found = calibrate.ranges(base, few, seed_cnn.how, found=Cache((tmp_path / "c",)))
    assert all(low <= 0 <= high for low, high in found.values())
    given = seed_cnn.how.apply(few.images.images)
    assert found["input"][0] <= given.min() and given.max() <= found["input"][1]
    logits = seed_cnn.predict(given)
    assert found["logits"] == pytest.approx((logits.min(), logits.max()), rel=1e-4)
    assert found["relu"][0] == 0


def test_found_ranges_are_cached_by_model_images_and_settings(
    seed_cnn, recipe, shipped_images, tmp_path, monkeypatch
):
    base = onnx_format.static_base(seed_cnn, recipe())
    cache = tmp_path / "c"
    few, others = (calibration(shipped_images.calibration, n) for n in (20, 21))

    def found(which, how=seed_cnn.how):
        return calibrate.ranges(base, which, how, found=Cache((cache,)))

    first = found(few)
    (only,) = cache.iterdir()
    with monkeypatch.context() as patch:
        patch.setattr(calibrate, "_measure", None)  # it is not measured again
        assert found(few) == first
    found(others)
    assert len(list(cache.iterdir())) == 2
    assert found(replace(few, method="percentile")) != first
    assert found(few, Preprocessing((0.4,) * 3, (0.3,) * 3)) != first
    assert len(list(cache.iterdir())) == 4 and only in cache.iterdir()


@pytest.mark.parametrize(
    "spoil",
    ["", "[]", "{}", '{"input": [1, 2]}', '{"input": [0, NaN]}', '{"other": [-1, 1]}', '{"a": 3}'],
)
def test_a_spoilt_cache_is_measured_again(seed_cnn, recipe, shipped_images, tmp_path, spoil):
    base = onnx_format.static_base(seed_cnn, recipe())
    few, cache = calibration(shipped_images.calibration, 20), tmp_path / "c"
    first = calibrate.ranges(base, few, seed_cnn.how, found=Cache((cache,)))
    (file,) = cache.iterdir()
    file.write_text(spoil)
    assert calibrate.ranges(base, few, seed_cnn.how, found=Cache((cache,))) == first
    assert json.loads(file.read_text())["input"] == list(first["input"])


def test_a_cache_that_cannot_be_written_is_no_error(seed_cnn, recipe, shipped_images, tmp_path):
    (tmp_path / "file").write_text("")
    few = calibration(shipped_images.calibration, 20)
    base = onnx_format.static_base(seed_cnn, recipe())
    assert calibrate.ranges(base, few, seed_cnn.how, found=Cache((tmp_path / "file" / "c",)))


def test_a_fixed_batch_sees_every_image_too(seed_cnn, recipe, shipped_images, tmp_path):
    base = onnx_format.static_base(seed_cnn, recipe())
    few = calibration(shipped_images.calibration, 19)
    dynamic = calibrate.ranges(base, few, seed_cnn.how, found=Cache((tmp_path / "a",)))
    base.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    fixed = calibrate.ranges(base, few, seed_cnn.how, 1, found=Cache((tmp_path / "b",)))
    assert dynamic["logits"] == pytest.approx(fixed["logits"], rel=1e-4)


def test_too_few_or_constant_calibration_images_are_refused(shipped_images):
    with pytest.raises(DataError, match=r"15 calibration images are too few.*16 or more"):
        calibration(shipped_images.calibration, 15)
    pixels = shipped_images.calibration.images[:20].copy()
    one_image = replace(shipped_images.calibration.take(np.arange(20)), images=pixels)
    pixels[:] = pixels[0]
    with pytest.raises(DataError, match="constant"):
        Calibration(one_image)
    pixels[:] = np.arange(20, dtype=np.uint8)[:, None, None, None]
    with pytest.raises(DataError, match="constant"):
        Calibration(one_image)


def test_an_activation_that_is_no_number_is_named(seed_cnn, recipe, shipped_images, tmp_path):
    base = onnx_format.static_base(seed_cnn, recipe())
    for tensor in base.graph.initializer:
        if tensor.name == "conv2.bias":
            spoilt = onnx.numpy_helper.to_array(tensor).copy()
            spoilt[0] = np.nan
            tensor.CopyFrom(onnx.numpy_helper.from_array(spoilt, tensor.name))
    few = calibration(shipped_images.calibration, 20)
    with pytest.raises(ExportError, match="conv2d_1 is not finite"):
        calibrate.ranges(base, few, seed_cnn.how, found=Cache((tmp_path / "c",)))


def test_large_images_are_calibrated_fewer_at_once(
    seed_cnn, recipe, shipped_images, tmp_path, monkeypatch
):
    base = onnx_format.static_base(seed_cnn, recipe())
    few = calibration(shipped_images.calibration, 17)
    sizes = []
    how = replace(seed_cnn.how)
    apply = Preprocessing.apply
    monkeypatch.setattr(
        Preprocessing,
        "apply",
        lambda self, images: sizes.append(len(images)) or apply(self, images),
    )
    many = calibrate.ranges(base, few, how, found=Cache((tmp_path / "many",)))
    assert max(sizes) == 8
    sizes.clear()
    monkeypatch.setattr(calibrate, "_BATCH_BYTES", 2_000_000)
    fewer = calibrate.ranges(base, few, how, found=Cache((tmp_path / "fewer",)))
    assert 1 <= max(sizes) < 8
    assert {n: pytest.approx(limits, rel=1e-4, abs=1e-6) for n, limits in many.items()} == fewer


@given(st.integers(1, 10**10), st.integers(1, 100), st.integers(1, 10**9))
def test_as_many_images_as_fit_and_at_least_one(image_bytes, most, limit):
    count = calibrate.fitting(image_bytes, most, limit)
    assert 1 <= count <= most
    assert count == 1 or count * image_bytes <= limit
    assert count == most or (count + 1) * image_bytes > limit
