"""Every format beside ONNX and TorchScript: what is written is what the model computes."""

import json
import re
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from cifarq.evaluation.evaluate import torch_predictor
from cifarq_export import converters, formats, selection
from cifarq_export.formats import STATIC
from edge_runtime import engines
from edge_runtime.bundle import manifest
from edge_runtime.bundle.preprocess import NormalisedBy
from edge_runtime.engines import Options
from edge_runtime.errors import ExportError

FORMATS = ("pt2", "litert", "ncnn", "mnn")
CASES = [(name, precision) for name in FORMATS for precision in formats.get(name).PRECISIONS]
FP32_TOLERANCE, FP16_TOLERANCE = 1e-4, 0.05
PATHS = re.compile(rb"/(?:work|tmp|home|root|usr|site-packages)[/\0]")


def skip_without(name):
    if formats.missing(name) or not engines.is_installed(formats.engine_of(name)):
        pytest.skip(f"{name}: {formats.missing(name) or 'no engine'}")


@pytest.fixture
def write(seed_cnn, recipe, tmp_path):
    """Write the seed CNN in a format; returns its path and what the format says of it."""

    def make(name, precision, again="", **changes):
        skip_without(name)
        path = tmp_path / f"{precision}{again}{formats.get(name).SUFFIX}"
        return path, formats.get(name).write(seed_cnn, precision, path, recipe(**changes))

    return make


def run(path, name, precision, images):
    options = Options(precision=precision)
    session = engines.load(formats.engine_of(name), path.read_bytes(), path.name, options)
    return session.run(images)


@pytest.mark.parametrize(("name", "precision"), CASES)
def test_it_answers_as_the_model_does(write, seed_cnn, shipped_images, name, precision):
    path, _ = write(name, precision)
    images = seed_cnn.how.apply(shipped_images.validation.images[:64])
    expected = seed_cnn.predict(images)
    answers = run(path, name, precision, images)
    assert answers.shape == expected.shape
    difference = np.abs(answers - expected).max()
    if precision == STATIC:
        assert (answers.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.96
        assert 1e-3 < difference < 2  # it is INT8, and none the worse
    else:
        assert difference < {"fp32": FP32_TOLERANCE, "fp16": FP16_TOLERANCE}[precision]
    single = run(path, name, precision, images[:1])
    np.testing.assert_allclose(single, answers[:1], atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "precision"), CASES)
def test_the_same_model_gives_the_same_bytes_which_tell_of_no_machine(write, name, precision):
    first, _ = write(name, precision)
    second, _ = write(name, precision, again="-again")
    content = first.read_bytes()
    assert content == second.read_bytes()
    if zipfile.is_zipfile(first):
        with zipfile.ZipFile(first) as archive:
            content = b"".join(archive.read(member) for member in archive.namelist())
    assert not PATHS.search(content) and b"stack_trace" not in content


@pytest.mark.slow
def test_smaller_precisions_are_smaller(write):
    sizes = {case: write(*case)[0].stat().st_size for case in CASES}
    for name, precision in CASES:
        ratio = sizes[name, precision] / sizes[name, "fp32"]
        assert ratio < {"fp32": 1.01, "fp16": 0.51, STATIC: 0.26}[precision], (name, precision)


@pytest.mark.parametrize("name", ["litert", "mnn"])
def test_static_int8_says_what_it_was_calibrated_on(write, name):
    _, written = write(name, STATIC)
    assert (written.calibration.images, written.calibration.split) == (512, "train")
    assert formats.made_for(name, STATIC, "x86-vnni") == "any"


def test_mnn_quantizes_a_mean_over_images(seed_cnn, recipe, shipped_images, tmp_path):
    skip_without("mnn")
    torch.manual_seed(0)
    layers = [
        nn.Conv2d(3, 8, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 10),
    ]
    model = nn.Sequential(*layers).eval()
    source = replace(seed_cnn, name="means", predict=torch_predictor(model), module=model)
    path = tmp_path / "m.mnn"
    formats.get("mnn").write(source, STATIC, path, recipe(scratch=tmp_path))
    images = source.how.apply(shipped_images.validation.images[:64])
    answers, expected = run(path, "mnn", STATIC, images), source.predict(images)
    assert np.abs(answers - expected).max() < 0.1 * np.ptp(expected)


def test_a_converter_that_crashes_is_told_by_its_signal(tmp_path):
    code = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    with pytest.raises(ExportError, match="it ended by SIGSEGV while"):
        converters.convert("it", [sys.executable, "-c", code], tmp_path, [])


@pytest.mark.parametrize("name", ["ncnn", "mnn"])
def test_a_model_that_takes_bytes_is_refused(write, seed_cnn, tmp_path, name):
    raw = replace(seed_cnn.how, normalised_by=NormalisedBy.ARTIFACT)
    with pytest.raises(ExportError, match="takes numbers, not bytes"):
        write(name, "fp32", how=raw)


@pytest.mark.parametrize("name", ["pt2", "litert"])
def test_a_model_can_take_bytes(write, seed_cnn, shipped_images, tmp_path, name):
    raw = replace(seed_cnn.how, normalised_by=NormalisedBy.ARTIFACT)
    path, _ = write(name, "fp32", how=raw)
    images = shipped_images.validation.images[:3]
    expected = seed_cnn.predict(seed_cnn.how.apply(images))
    answers = run(path, name, "fp32", raw.apply(images))
    np.testing.assert_allclose(answers, expected, atol=FP32_TOLERANCE, rtol=1e-5)


def test_a_format_whose_writer_is_missing_is_named_with_what_installs_it(monkeypatch):
    monkeypatch.setattr(formats, "missing", lambda name: "pip install x" if name == "mnn" else "")
    chosen = selection.choose("all", None)
    assert chosen.missing == ("mnn",) and "mnn" not in {name for name, _ in chosen.pairs}
    with pytest.raises(ExportError, match="what writes mnn is not installed: pip install x"):
        formats.require("mnn")


def test_they_are_exported_by_name_alone():
    usual = {name for name, _ in selection.choose(None, None).pairs}
    assert usual == {"onnx", "torchscript"}
    both = selection.choose("onnx,litert", "fp32,int8-dynamic").pairs
    assert both == (("onnx", "fp32"), ("onnx", "int8-dynamic"), ("litert", "fp32"))


@pytest.mark.slow
def test_one_bundle_of_all_is_exported_explained_and_measured(run, tmp_path):
    for name in FORMATS:
        skip_without(name)
    out = tmp_path / "bundle"
    options = ("--format", ",".join(FORMATS), "--validation-images", "300", "--min-speedup", "0")
    done = run("cifarq_export", *options, "--out", out)
    assert done.returncode == 0, done.stderr
    content = manifest.read(out)
    made = {(artifact.format, artifact.precision): artifact for artifact in content.artifacts}
    assert set(made) == set(CASES)
    assert made["litert", STATIC].quantized.mac_share > 0.99
    assert made["ncnn", "fp16"].quantized.mac_share is None
    assert "unknown" in run("cifarq_export", "explain", out / made["mnn", "fp32"].file).stdout
    quick = ("--rounds", "2", "--min-runs", "4", "--min-time", "0", "--accuracy-images", "50")
    done = run("edge_runtime", out, *quick, "--output", "json")
    rows = json.loads(done.stdout)["rows"]
    assert {(row["format"], row["precision"]) for row in rows} == set(CASES)
    assert {row["status"] for row in rows} == {"ok"}
