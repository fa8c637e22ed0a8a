"""Checkpoints: what is saved comes back, what is damaged is named, and no pickle ever runs."""

import json
import pickle
import re
import resource
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")
import torch
from click.testing import CliRunner

from cifarq import checkpoint, models
from cifarq.cli import cli
from edge_runtime.errors import CheckpointError, DataError

pytestmark = pytest.mark.torch
SHAPE = (3, 8, 8)


class Trap:
    """An object whose unpickling makes a folder: what a hostile checkpoint would do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.mkdir, (self.path,)


@pytest.fixture(scope="module")
def original():
    torch.manual_seed(0)
    return checkpoint.Checkpoint(
        architecture="seed-cnn",
        classes=("ant", "bee", "cat"),
        input_shape=SHAPE,
        mean=(0.1, 0.2, 0.3),
        std=(0.4, 0.5, 0.6),
        weights=models.get("seed-cnn").build(3, SHAPE).state_dict(),
        training={"epochs": [{"number": 1, "validation_top1": 0.5}]},
    )


@pytest.fixture
def folder(original, tmp_path):
    checkpoint.save(original, tmp_path / "run")
    return tmp_path / "run"


def test_what_is_saved_is_loaded(original, folder):
    loaded = checkpoint.load(folder)
    assert replace(loaded, weights={}) == replace(original, weights={})
    assert loaded.weights.keys() == original.weights.keys()
    assert all(torch.equal(loaded.weights[name], original.weights[name]) for name in loaded.weights)


def test_the_model_computes_what_it_did_in_eval_mode(original, folder):
    batch = torch.randn(4, *SHAPE, generator=torch.Generator().manual_seed(1))
    model = checkpoint.load(folder).model()
    assert not model.training
    with torch.inference_mode():
        assert torch.equal(model(batch), original.model()(batch))


def test_the_weights_are_a_safetensors_file_and_nothing_else(original, folder):
    assert {path.name for path in folder.iterdir()} == {"model.safetensors", "checkpoint.json"}
    content = (folder / "model.safetensors").read_bytes()
    header_bytes = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + header_bytes])
    tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
    assert tensors.keys() == original.weights.keys()
    data_bytes = max(entry["data_offsets"][1] for entry in tensors.values())
    assert data_bytes == sum(4 * tensor.numel() for tensor in original.weights.values())
    assert len(content) == 8 + header_bytes + data_bytes


def test_channels_last_weights_are_saved_and_loaded_as_they_are(original, folder):
    weights = {
        name: w.to(memory_format=torch.channels_last) if w.ndim == 4 else w
        for name, w in original.weights.items()
    }
    checkpoint.save(replace(original, weights=weights), folder)
    loaded = checkpoint.load(folder)
    assert all(torch.equal(loaded.weights[name], original.weights[name]) for name in weights)


def test_both_files_may_be_read_by_whom_the_umask_allows(folder):
    modes = {path.stat().st_mode for path in folder.iterdir()}
    assert len(modes) == 1


def cut_weights(folder):
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(100_000)


def flip_a_weight(folder):
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def edit(**changes):
    def change(folder):
        path = folder / "checkpoint.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def save_with(name, value):
    def spoil(folder):
        loaded = checkpoint.load(folder)
        weights = {k: v.clone() for k, v in loaded.weights.items()}
        weights[name].view(-1)[7] = value
        checkpoint.save(replace(loaded, weights=weights), folder)

    return spoil


def save_as(dtype):
    """Weights of another type: what is saved is what is read, so that the hash is right."""

    def spoil(folder):
        loaded = checkpoint.load(folder)
        weights = {k: v.to(dtype) for k, v in loaded.weights.items()}
        checkpoint.save(replace(loaded, weights=weights), folder)

    return spoil


def write(text):
    return lambda folder: (folder / "checkpoint.json").write_text(text)


def lose(name):
    return lambda folder: (folder / name).unlink()


DAMAGE = {
    "no folder": (shutil.rmtree, "is no checkpoint.*Give the folder"),
    "no metadata": (lose("checkpoint.json"), "has no checkpoint.json.*Give the folder"),
    "no weights": (lose("model.safetensors"), "has no model.safetensors. Copy the whole folder"),
    "truncated weights": (cut_weights, "model.safetensors is not a whole safetensors file"),
    "flipped bit": (flip_a_weight, "SHA-256.*do not belong together. Copy the folder again"),
    "other weights": (edit(sha256="0" * 64), "SHA-256.*says 000000000000"),
    "not a number": (save_with("fc1.weight", float("nan")), "'fc1.weight' holds NaN or infinite"),
    "infinite": (save_with("conv2.bias", float("-inf")), "'conv2.bias' holds NaN or infinite"),
    "later schema": (edit(schema=3), "has schema 3; this version of cifarq reads 1 and 2"),
    "other classes": (edit(classes=["a", "b"]), "do not fit seed-cnn with 2 classes.*fc2"),
    "other shape": (edit(input_shape=[3, 16, 16]), "do not fit seed-cnn.*fc1"),
    "unknown model": (edit(architecture="seed-cnnn"), "seed-cnnn"),
    "model is no name": (edit(architecture=5), "architecture"),
    "classes are no list": (edit(classes=5), "classes"),
    "shape is too short": (edit(input_shape=[3]), "input_shape"),
    "mean is missing": (edit(mean=None), "mean"),
    "hash is missing": (edit(sha256=None), "sha256"),
    "schema as a float": (edit(schema=1.0), "has schema 1.0; this version of cifarq reads 1 and 2"),
    "one class": (edit(classes=["a"]), "classes names 1; a classifier has 2 or more"),
    "a class twice": (edit(classes=["a", "b", "a"]), "classes names 'a' twice"),
    "a class without a name": (edit(classes=["a", "", "c"]), r"classes\[1\] is empty"),
    "a class that is a number": (edit(classes=["a", 2, "c"]), r"classes\[1\] is 2, not a string"),
    "letters as mean": (edit(mean="abc"), "mean is 'abc', not a list"),
    "a letter in mean": (edit(mean=["a", 0, 0]), r"mean\[0\] is 'a', not a number"),
    "std is not a number": (edit(std=[float("nan")] * 3), "cannot read .*NaN is no number of JSON"),
    "std is 0": (edit(std=[0, 1, 1]), r"std\[0\] is 0, not a number from 1e-06 to 1000"),
    "std is infinite": (edit(std=[1e999, 1, 1]), "Infinity is no number of JSON"),
    "no mean": (edit(mean=[]), "0 means and 3 deviations for 3 channels"),
    "a negative shape": (edit(input_shape=[3, -8, -8]), r"input_shape\[1\] is -8, not a whole"),
    "a shape of floats": (edit(input_shape=[3, 8.0, 8]), r"input_shape\[1\] is 8.0, not a whole"),
    "a giant shape": (edit(input_shape=[3, 65536, 65536]), "do not fit seed-cnn.*fc1.weight"),
    "a shape beyond all": (edit(input_shape=[3, 10**30, 8]), r"input_shape\[1\] is 10000"),
    "a shape for no pixel": (edit(input_shape=[3, 2, 2]), "takes images of 4x4 pixels or more"),
    "training is a list": (edit(training=[]), "training is \\[\\], not an object"),
    "int64 weights": (save_as(torch.int64), r"do not fit.* is \(\d.* int64, not \(\d.* float32"),
    "bool weights": (save_as(torch.bool), r"do not fit.* bool, not"),
    "complex weights": (save_as(torch.complex64), r"do not fit.* complex64, not"),
    "half weights": (save_as(torch.float16), r"do not fit.* float16, not"),
    "nested without end": (write("[" * 100_000), "cannot read .*nested too deeply"),
    "a key twice": (write('{"schema": 1, "schema": 1}'), "the key 'schema' is given twice"),
    "not JSON": (lambda f: (f / "checkpoint.json").write_text("{"), "cannot read .*checkpoint"),
    "not an object": (
        lambda f: (f / "checkpoint.json").write_text("[]"),
        "has schema None; this version",
    ),
    "empty object": (
        lambda f: (f / "checkpoint.json").write_text("{}"),
        "has schema None; this version",
    ),
    "not text": (lambda f: (f / "checkpoint.json").write_bytes(b"\xff\xfe"), "cannot read"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_named_with_what_to_do(folder, damage):
    spoil, said = DAMAGE[damage]
    spoil(folder)
    with pytest.raises((CheckpointError, DataError), match=said) as refused:
        checkpoint.load(folder).model()
    assert len(str(refused.value)) < 400 and "\n" not in str(refused.value)


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_command_says_damage_in_a_line_and_exits_1(folder, damage):
    spoil, said = DAMAGE[damage]
    spoil(folder)
    no_data = str(folder.parent)  # so that nothing is downloaded where damage is overlooked
    result = CliRunner().invoke(cli, ["evaluate", str(folder), "--data-dir", no_data])
    assert (result.exit_code, result.stdout) == (1, "")
    assert re.match(f"Error: .*{said}", result.stderr)
    assert result.stderr.count("\n") == 1


def test_an_infinite_number_in_the_metadata_is_refused(folder):
    path = folder / "checkpoint.json"
    path.write_text(path.read_text().replace("0.4,", "1e999,"))
    with pytest.raises(CheckpointError, match=r"std\[0\] is inf, not a number"):
        checkpoint.load(folder)


def test_a_real_command_refuses_pickled_weights(run, tmp_path):
    trap = tmp_path / "trapped"
    (tmp_path / "model.pth").write_bytes(pickle.dumps(Trap(trap)))
    result = run("cifarq", "evaluate", "model.pth")
    assert result.returncode == 1
    assert "model.pth is a file; a checkpoint is the folder" in result.stderr
    assert "never read" in result.stderr
    assert "Traceback" not in result.stderr
    assert not trap.exists()


@pytest.mark.parametrize("name", ["model.safetensors", "checkpoint.json"])
def test_a_pickle_under_a_checkpoints_name_does_not_run(folder, tmp_path, name):
    trap = tmp_path / "trapped"
    pickled = pickle.dumps(Trap(trap))
    pickle.loads(pickled)
    assert trap.is_dir()  # it would have done so
    trap.rmdir()

    (folder / name).write_bytes(pickled)
    with pytest.raises(CheckpointError, match=name):
        checkpoint.load(folder)
    assert not trap.exists()


def test_a_model_saved_by_torch_under_the_weights_name_is_refused(original, folder):
    torch.save(dict(original.weights), folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"pickle under that name, which is never read"):
        checkpoint.load(folder)


def test_a_folder_that_cannot_be_written_is_named(original, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match=r"cannot write a checkpoint to .*file"):
        checkpoint.save(original, tmp_path / "file" / "run")


def test_a_disk_that_fills_up_is_named_and_leaves_the_last_checkpoint(original, folder):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    weights = {name: w + 1 for name, w in original.weights.items()}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(CheckpointError, match="cannot write a checkpoint to"):
            checkpoint.save(replace(original, weights=weights), folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
