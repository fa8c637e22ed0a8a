"""Whose arithmetic judges an artifact, and that it gives the same answers on every CPU."""

import hashlib
from dataclasses import replace

import numpy as np
import onnx
import pytest

from cifarq_export.bundle.artifact import Maker, record
from cifarq_export.check import arithmetic, baseline
from cifarq_export.check.arithmetic import JudgedBy
from cifarq_export.check.gates import Limits
from cifarq_export.formats import Recipe
from cifarq_export.formats import onnx as onnx_format
from cifarq_export.int8 import exact
from cifarq_export.int8.calibrate import Calibration
from edge_runtime.measure import accuracy
from edge_runtime.probes import target as targets

IMAGES = 24


@pytest.mark.parametrize(
    "format_, precision, target, judged_by",
    [
        ("onnx", "int8-static", "x86", JudgedBy.ENGINE),
        ("onnx", "int8-static", "x86-vnni", JudgedBy.REFERENCE),
        ("onnx", "int8-static", "arm64", JudgedBy.REFERENCE),
        ("onnx", "int8-dynamic", "arm64", JudgedBy.REFERENCE),
        ("onnx", "fp32", "arm64", JudgedBy.ENGINE),
        ("torchscript", "int8-dynamic", "arm64", JudgedBy.ENGINE),  # it has no reference
    ],
)
def test_what_is_made_for_another_cpu_is_judged_by_the_reference(
    monkeypatch, format_, precision, target, judged_by
):
    monkeypatch.setattr(targets, "of_this_cpu", lambda: "x86")
    assert arithmetic.judge_of(format_, precision, target) is judged_by


def test_a_cpu_that_is_no_target_judges_nothing_by_its_own_kernels(monkeypatch):
    monkeypatch.setattr(targets, "of_this_cpu", lambda: None)
    assert arithmetic.judge_of("onnx", "int8-static", "x86") is JudgedBy.REFERENCE


@pytest.fixture(scope="module")
def answers(tmp_path_factory, seed_cnn, shipped_images):
    """Return an artifact's logits by either arithmetic; each artifact is written once."""
    folder = tmp_path_factory.mktemp("arithmetic")
    few = shipped_images.golden.take(np.arange(IMAGES))
    calibration = Calibration(shipped_images.calibration.take(np.arange(32)))

    def ask(target, judged_by, precision="int8-static"):
        path = folder / f"{target}-{precision}.onnx"
        if not path.exists():
            how = Recipe(seed_cnn.how, target, folder, calibration)
            onnx_format.write(seed_cnn, precision, path, how)
        return arithmetic.answer(path, "onnx", "int8-static", judged_by, seed_cnn.how, few)

    return ask


@pytest.fixture(scope="module")
def fp32(seed_cnn, shipped_images):
    """The FP32 model's logits of the same images."""
    return baseline.answer(seed_cnn, shipped_images.golden.take(np.arange(IMAGES))).logits


@pytest.mark.int8
def test_where_nothing_saturates_engine_and_reference_agree_to_the_bit(answers):
    """Weights within 7 bits, as for x86, saturate on no CPU."""
    engine, reference = (answers("x86", judged_by) for judged_by in JudgedBy)
    np.testing.assert_array_equal(engine, reference)


@pytest.mark.int8
def test_the_reference_is_what_a_cpu_computes_that_does_not_saturate(answers):
    reference = answers("x86-vnni", JudgedBy.REFERENCE)
    np.testing.assert_array_equal(reference, answers("arm64", JudgedBy.REFERENCE))
    if targets.of_this_cpu() != targets.X86:
        np.testing.assert_array_equal(reference, answers("x86-vnni", JudgedBy.ENGINE))


@pytest.mark.int8
@pytest.mark.parametrize("precision", ["int8-static", "int8-dynamic", "int8-dynamic-conv"])
def test_the_reference_is_near_fp32_on_every_cpu(answers, fp32, precision):
    reference = answers("arm64", JudgedBy.REFERENCE, precision)
    assert accuracy.agreement(reference, fp32).value == 1
    assert np.abs(reference - fp32).max() < 0.5  # kernels that saturate: above 1


def test_the_reference_is_the_same_graph_of_unsigned_integers(tmp_path, seed_cnn, recipe):
    path = tmp_path / "m.onnx"
    onnx_format.write(seed_cnn, "int8-static", path, recipe(target="arm64"))
    model = onnx.load(path)
    unsigned = exact.make_unsigned(model)
    assert [n.op_type for n in unsigned.graph.node] == [n.op_type for n in model.graph.node]
    for before, after in zip(model.graph.initializer, unsigned.graph.initializer, strict=True):
        values, moved = map(onnx.numpy_helper.to_array, (before, after))
        signed = values.dtype == np.int8
        assert moved.dtype == (np.uint8 if signed else values.dtype)
        np.testing.assert_array_equal(moved, values.astype(np.int16) + 128 if signed else values)


def test_the_workstation_changes_neither_artifact_nor_fallback_nor_figures(
    tmp_path, monkeypatch, seed_cnn, recipe, shipped_images
):
    checked_on = baseline.answer(seed_cnn, shipped_images.validation.take(np.arange(100)))
    seen = set()
    for here in ("x86", "x86-vnni"):
        monkeypatch.setattr(targets, "of_this_cpu", lambda here=here: here)
        folder = tmp_path / here
        folder.mkdir()
        made_how = recipe(target="arm64", scratch=folder)
        maker = Maker(seed_cnn, folder, made_how, checked_on, Limits())
        made = maker.make("onnx", "int8-static")
        assert made.judged_by is JudgedBy.REFERENCE and made.fallback == ()
        entry = record(made, seed_cnn, made_how, checked_on, ())
        assert entry.judged_by == "reference"
        seen.add((entry.sha256, repr(replace(entry, sha256=""))))
    assert len(seen) == 1
    assert hashlib.sha256(made.path.read_bytes()).hexdigest() == entry.sha256
