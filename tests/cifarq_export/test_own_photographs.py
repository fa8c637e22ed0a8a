"""Photographs and a network of one's own, by the three commands, to a bundle that sees the same."""

import json

import numpy as np
import pytest
from PIL import Image

from cifarq import checkpoint
from cifarq.data import datasets, packs
from cifarq.evaluation.evaluate import torch_predictor
from cifarq.factory import Factory
from edge_runtime import Classifier
from edge_runtime.bundle import manifest
from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.bundle.resizing import Resizing
from edge_runtime.classify import images
from edge_runtime.classify.resize import Resize

NET = """
from torch import nn
def photo_net(num_classes):
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, num_classes))
"""
NAMED = ("--model", "photonet:photo_net")
DATA = ("--data-dir", "photos")


@pytest.fixture(scope="module")
def trained(run_once, tmp_path_factory):
    """Airplanes and frogs of mixed sizes, in two folders, and a run on them; and what it said."""
    folder = tmp_path_factory.mktemp("photographs")
    (folder / "photonet.py").write_text(NET)
    pack = packs.shipped("validation")
    chosen = pack.take(np.flatnonzero(np.isin(pack.labels, (0, 6))))
    for number, (pixels, label) in enumerate(zip(chosen.images, chosen.labels, strict=True)):
        path = folder / "photos" / ("airplane", "frog")[int(label == 6)] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        size = (40 + number % 23, 40 + number % 31)
        Image.fromarray(pixels.transpose(1, 2, 0).copy()).resize(size).save(path, quality=95)
    options = ("--image-size", 16, "--epochs", 10, "--batch-size", 32, "--out", "run")
    said = run_once("cifarq", "train", *NAMED, *DATA, *options, cwd=folder)
    return folder, said


def test_training_says_how_the_folder_was_divided_and_what_to_type_next(trained):
    _, said = trained
    assert "not divided into train and test" in said.stderr
    typed = "run --data-dir photos --model photonet:photo_net"
    assert f"  cifarq evaluate {typed}\n  cifarq-export {typed}\n" in said.stdout


def test_evaluate_takes_the_sizes_that_training_took_and_shows_the_confusion(run, trained):
    folder, _ = trained
    done = run("cifarq", "evaluate", "run", *NAMED, *DATA, "--confusion", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "on 20 test images" in done.stdout and "label     airplane  frog\n" in done.stdout
    done = run("cifarq", "evaluate", "run", *NAMED, *DATA, "--json", cwd=folder)
    (row,) = json.loads(done.stdout)
    assert row["classes"] == ["airplane", "frog"]
    assert row["top1"]["low"] > 0.5
    right = np.diag(row["confusion"]) / np.sum(row["confusion"], axis=1)
    assert [recall["value"] for recall in row["recall"]] == pytest.approx(right.tolist())


@pytest.fixture(scope="module")
def bundle(run_once, trained):
    folder, _ = trained
    small = ("--validation-images", 20, "--calibration-images", 16, "--min-speedup", 0)
    exported = ("--format", "onnx", "--precision", "fp32", *small, "--out", "bundle")
    run_once("cifarq_export", "run", *NAMED, *DATA, *exported, cwd=folder)
    return folder / "bundle"


def test_the_bundle_sees_in_a_photograph_what_training_validated_on(trained, bundle):
    folder, _ = trained
    kept = checkpoint.load(folder / "run")
    content = manifest.read(bundle)
    assert content.model == "photo-net"
    assert content.preprocessing.resize == kept.resize == Resizing(16)
    validation = datasets.load(folder / "photos", Resize(Resizing(16), 16, 16)).validation
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        model = kept.model(Factory("photonet:photo_net"))
    batch = Preprocessing(kept.mean, kept.std).apply(validation.images)
    expected = torch_predictor(model)(batch)
    files = datasets.find(folder / "photos").validation.files
    seen = Classifier(bundle).logits([images.read(file) for file in files])
    np.testing.assert_allclose(seen, expected, atol=1e-5)


def test_the_runtime_measures_it(run, bundle):
    quick = ("--rounds", "1", "--min-runs", "2", "--min-time", "0", "--output", "csv")
    done = run("edge_runtime", bundle, *quick)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(",ok,") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--weights", "x.safetensors"), 2, "--weights are the checkpoint's own"),
        (("--input-shape", "3,8,8"), 2, "a checkpoint says its own"),
        (("--timm", "resnet18"), 2, "CHECKPOINT and --timm each name a model"),
    ],
)
def test_what_a_checkpoint_says_itself_is_refused_beside_it(run, trained, arguments, code, said):
    folder, _ = trained
    done = run("cifarq_export", "run", *NAMED, *arguments, cwd=folder)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
