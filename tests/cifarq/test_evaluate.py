"""Evaluation: top-1 counted by hand, and the same for a checkpoint and what was exported of it."""

import json

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from cifarq import checkpoint, models
from cifarq.data import cifar10, datasets, packs
from cifarq.data.labelled import LabelledImages
from cifarq.evaluation import evaluate
from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.errors import BundleError, DataError

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("one_thread")]
SHIPPED = models.pretrained("seed-cnn")
ARTIFACT = "seed-cnn-fp32.onnx"


@pytest.fixture(scope="module")
def images():
    return packs.shipped("validation")


@pytest.fixture(scope="module")
def evaluation(images, one_thread):
    (subject,) = evaluate.subjects(SHIPPED)
    return evaluate.evaluate(subject, images, cifar10.CLASSES, batch_size=50)


@pytest.fixture(scope="module")
def by_hand(images, one_thread):
    """The shipped model's answers, in plain PyTorch."""
    model = checkpoint.load(SHIPPED).model()
    mean, std = (torch.tensor(v).reshape(3, 1, 1) for v in (cifar10.MEAN, cifar10.STD))
    batches = torch.from_numpy(images.images).split(50)
    with torch.inference_mode():
        return [int(a) for b in batches for a in model((b / 255 - mean) / std).argmax(dim=1)]


@pytest.fixture
def bundle(run, ten_class_folder, tmp_path):
    options = ("--format", "onnx", "--precision", "fp32", "--data-dir", ten_class_folder)
    made = run("cifarq_export", *options, "--out", "bundle")
    assert made.returncode == 0, made.stderr
    return tmp_path / "bundle"


def test_top1_is_the_count_of_right_answers(evaluation, by_hand, images):
    right = sum(answer == label for answer, label in zip(by_hand, images.labels, strict=True))
    assert evaluation.images == 1_000
    assert evaluation.top1.value == pytest.approx(right / 1_000, abs=0.001)
    assert evaluation.top1.value > 0.5  # the images and labels belong together


def test_the_interval_is_around_the_value_and_as_wide_as_1000_images_allow(evaluation):
    top1 = evaluation.top1
    assert top1.low < top1.value < top1.high
    width = 2 * 1.96 * np.sqrt(top1.value * (1 - top1.value) / 1_000)
    assert top1.high - top1.low == pytest.approx(width, rel=0.02)


def test_confusion_counts_labels_in_rows_and_answers_in_columns(evaluation, by_hand, images):
    confusion = evaluation.confusion
    assert confusion.shape == (10, 10)
    assert confusion.sum() == 1_000
    assert confusion.sum(axis=1).tolist() == np.bincount(images.labels).tolist()
    assert np.abs(confusion.sum(axis=0) - np.bincount(by_hand, minlength=10)).max() <= 1
    assert confusion.trace() / 1_000 == evaluation.top1.value


def test_any_callable_can_be_evaluated_and_progress_is_told(images):
    def always_frog(batch):
        return np.tile(np.eye(10)[6], (len(batch), 1))

    constants = (cifar10.CLASSES, Preprocessing(cifar10.MEAN, cifar10.STD), (3, 32, 32))
    subject = evaluate.Subject("frog", always_frog, *constants)
    told = []
    found = evaluate.evaluate(
        subject, images, cifar10.CLASSES, batch_size=300, progress=told.append
    )
    assert told == [300, 300, 300, 100]
    assert found.top1.value == 0.1
    assert found.confusion[:, 6].tolist() == [100] * 10


def test_a_subject_sees_batches_normalised_by_its_own_constants():
    seen = []

    def spy(batch):
        seen.append(batch)
        return np.zeros((len(batch), 2))

    how = Preprocessing((0.5, 0, 1), (0.5, 1, 2))
    subject = evaluate.Subject("spy", spy, ("a", "b"), how, (3, 4, 5))
    white = LabelledImages(np.full((3, 3, 4, 5), 255, np.uint8), np.zeros(3, np.int64))
    evaluate.evaluate(subject, white, ("a", "b"))
    assert [batch.shape for batch in seen] == [(1, 3, 4, 5)] * 3
    assert seen[0].dtype == np.float32
    np.testing.assert_allclose(seen[0][0, :, 0, 0], [1, 1, 0])


@pytest.mark.parametrize(
    "classes", [("cat", "dog"), cifar10.CLASSES[::-1]], ids=["fewer", "another order"]
)
def test_other_classes_are_refused_naming_both(images, classes):
    (subject,) = evaluate.subjects(SHIPPED)
    with pytest.raises(DataError, match=r"knows 10 classes .*airplane.*the data set has") as caught:
        evaluate.evaluate(subject, images, classes)
    assert classes[0] in str(caught.value)
    assert "--data-dir" in str(caught.value)


def test_images_of_another_size_are_refused_naming_both(images):
    (subject,) = evaluate.subjects(SHIPPED)
    halved = LabelledImages(images.images[:8, :, ::2, ::2].copy(), images.labels[:8])
    with pytest.raises(DataError, match=r"16.*32|32.*16"):
        evaluate.evaluate(subject, halved, cifar10.CLASSES)


def test_the_command_evaluates_checkpoint_bundle_and_artifact_alike(run, bundle, ten_class_folder):
    paths = (SHIPPED, bundle, bundle / ARTIFACT)
    result = run("cifarq", "evaluate", *paths, "--data-dir", ten_class_folder, "--json")
    assert result.returncode == 0, result.stderr
    rows = json.loads(result.stdout)
    names = [f"{SHIPPED} (PyTorch)", str(bundle / ARTIFACT), str(bundle / ARTIFACT)]
    assert [row["name"] for row in rows] == names
    assert [row["images"] for row in rows] == [100] * 3
    assert rows[0]["top1"] == rows[1]["top1"] == rows[2]["top1"]
    assert rows[0]["confusion"] == rows[1]["confusion"]

    (subject,) = evaluate.subjects(SHIPPED)
    test = datasets.load(ten_class_folder).test
    here = evaluate.evaluate(subject, test, cifar10.CLASSES).to_json()
    assert rows[0] == json.loads(json.dumps(here))

    spoil_a_byte(bundle / ARTIFACT)
    with pytest.raises(BundleError, match=r"corrupt.*Copy it again"):
        evaluate.subjects(bundle)
    with pytest.raises(BundleError, match=f"not an artifact of the bundle.*{ARTIFACT}"):
        evaluate.subjects(bundle / "golden.npz")


def spoil_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_the_command_prints_a_line_with_the_interval_and_splits_as_asked(run, ten_class_folder):
    options = ("--data-dir", ten_class_folder, "--split", "validation", "--batch-size", 4)
    result = run("cifarq", "evaluate", SHIPPED, *options)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"{SHIPPED} (PyTorch): ")
    assert "% top-1 [" in result.stdout
    assert result.stdout.endswith("] on 10 validation images\n")
    assert result.stdout.count("\n") == 1


def test_the_command_says_in_a_line_that_the_classes_are_others(run, two_class_folder):
    result = run("cifarq", "evaluate", SHIPPED, "--data-dir", two_class_folder)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert "airplane, frog" in result.stderr
    assert "Traceback" not in result.stderr
