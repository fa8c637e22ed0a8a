"""No reader waits for a named pipe, follows a link to an endless device, or reads a giant file."""

import os
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch")
from cifarq import checkpoint, models, tensor_file
from cifarq.data import cifar10
from cifarq.training import resume
from cifarq_export.sources import onnx_file
from cifarq_export.sources.normalisation import Normalisation
from cifarq_export.sources.request import class_names
from edge_runtime.bundle import golden, manifest
from edge_runtime.classify import images
from edge_runtime.errors import ToolkitError
from edge_runtime.measure import accuracy_data
from edge_runtime.results import document

pytestmark = [pytest.mark.torch, pytest.mark.timeout(60)]
SAID = Normalisation(("test", (0.5,) * 3, (0.5,) * 3))


def of_bundle(path):
    path.rename(path.with_name(manifest.FILE))
    manifest.read(path.parent)


def in_checkpoint(name):
    def read(path):
        folder = Path(shutil.copytree(models.pretrained("seed-cnn"), path.parent / "run"))
        (folder / name).unlink()
        path.rename(folder / name)
        checkpoint.load(folder)

    return read


def resumed(path):
    path.rename(path.with_name(resume.FILE))
    resume.read(path.parent)


def of_cifar10(path):
    path.rename(path.with_name(cifar10.TRAIN_FILES[0]))
    cifar10.read(path.parent)


READERS = {
    "manifest": of_bundle,
    "golden pack": golden.read,
    "results": document.read,
    "checkpoint.json": in_checkpoint("checkpoint.json"),
    "model.safetensors": in_checkpoint("model.safetensors"),
    "resumed training": resumed,
    "photograph": lambda path: images.read(path.rename(path.with_suffix(".png"))),
    "npy": lambda path: images.read(path.rename(path.with_suffix(".npy"))),
    "npz": lambda path: images.read(path.rename(path.with_suffix(".npz"))),
    "accuracy data": accuracy_data.read,
    "name of accuracy data": accuracy_data.describe,
    "ONNX file": lambda path: onnx_file.source(path, ("a", "b"), SAID),
    "weights": tensor_file.read_tensors,
    "CIFAR-10": of_cifar10,
    "class names": lambda path: class_names(str(path)),
}


def sparse(path):
    with path.open("wb") as file:
        file.truncate(2**40)


KINDS = {
    "pipe": os.mkfifo,
    "endless device": lambda path: path.symlink_to("/dev/zero"),
    "giant file": sparse,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_file_of_its_kind_is_refused_unread(reader, kind, tmp_path):
    KINDS[kind](tmp_path / "file")
    with pytest.raises(ToolkitError) as refused:
        READERS[reader](tmp_path / "file")
    assert "\n" not in str(refused.value)
