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
from cifarq_export.formats import onnx as onnx_format
from cifarq_export.int8 import exact
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


@pytest.fixture
def answers(tmp_path, seed_cnn, recipe, shipped_images):
    """Return a target's logits of static INT8, by either arithmetic."""
    few = shipped_images.golden.take(np.arange(IMAGES))

    def ask(target, judged_by):
        path = tmp_path / f"{target}.onnx"
        onnx_format.write(seed_cnn, "int8-static", path, recipe(target=target))
        return arithmetic.answer(path, "onnx", judged_by, seed_cnn.how, few)

    return ask


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
@pytest.mark.parametrize("target", ["x86-vnni", "arm64"])
def test_the_reference_is_near_fp32_on_every_cpu(answers, seed_cnn, shipped_images, target):
    reference = answers(target, JudgedBy.REFERENCE)
    images = shipped_images.golden.images[:IMAGES]
    fp32 = accuracy.logits_of(seed_cnn.predict, images, seed_cnn.how)
    assert accuracy.agreement(reference, fp32).value == 1
    assert np.abs(reference - fp32).max() < 0.2  # kernels that saturate: above 1


@pytest.mark.int8
@pytest.mark.parametrize("precision", ["int8-dynamic", "int8-dynamic-conv", "int8-static"])
def test_the_reference_computes_what_the_file_says(
    tmp_path, seed_cnn, recipe, shipped_images, precision
):
    """ONNX Runtime without graph optimizations computes QDQ in float, which saturates nowhere."""
    path = tmp_path / "m.onnx"
    onnx_format.write(seed_cnn, precision, path, recipe(target="arm64"))
    model = onnx.load(path)
    unsigned = exact.make_unsigned(model)
    kinds = {t.data_type for t in unsigned.graph.initializer}
    assert onnx.TensorProto.INT8 not in kinds and onnx.TensorProto.UINT8 in kinds
    assert [n.op_type for n in unsigned.graph.node] == [n.op_type for n in model.graph.node]
    few = shipped_images.golden.take(np.arange(IMAGES))
    logits = arithmetic.answer(path, "onnx", JudgedBy.REFERENCE, seed_cnn.how, few)
    fp32 = accuracy.logits_of(seed_cnn.predict, few.images, seed_cnn.how)
    assert np.abs(logits - fp32).max() < 0.5


def test_the_workstation_changes_neither_artifact_nor_fallback_nor_figures(
    tmp_path, monkeypatch, seed_cnn, recipe, shipped_images
):
    few = shipped_images.validation.take(np.arange(100))
    fp32 = baseline.answer(seed_cnn, few)
    seen = set()
    for here in ("x86", "x86-vnni"):
        monkeypatch.setattr(targets, "of_this_cpu", lambda here=here: here)
        folder = tmp_path / here
        folder.mkdir()
        made_how = recipe(target="arm64", scratch=folder)
        maker = Maker(seed_cnn, folder, made_how, fp32, Limits())
        made = maker.make("onnx", "int8-static")
        assert made.judged_by is JudgedBy.REFERENCE and made.fallback == ()
        entry = record(made, seed_cnn, made_how, fp32, ())
        assert entry.judged_by == "reference"
        seen.add((entry.sha256, repr(replace(entry, sha256=""))))
    assert len(seen) == 1
    assert hashlib.sha256(made.path.read_bytes()).hexdigest() == entry.sha256
