"""What the exporter's tests share: one bundle of everything, exported once by the real command."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="PyTorch is not installed")

from cifarq import models
from cifarq_export.bundle import wheelhouse
from cifarq_export.formats import Recipe
from cifarq_export.formats import onnx as onnx_format
from cifarq_export.int8.calibrate import Calibration
from cifarq_export.sources import Source, checkpoint
from cifarq_export.sources.images import ExportImages, Gatherer
from edge_runtime.bundle.manifest import Wheelhouse
from edge_runtime.setup import platforms
from edge_runtime.setup.fit import this_platform

# Everything there is, whatever it is worth: how fast it is depends on what else runs here.
EVERYTHING = (
    "--precision",
    "fp32,int8-dynamic,int8-static,int8-dynamic-conv",
    "--min-speedup",
    "0",
    "--validation-images",
    "300",
)


@pytest.fixture(scope="session")
def everything_asked() -> tuple[str, ...]:
    """The options that ``everything`` was exported with."""
    return EVERYTHING


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the shipped model in every format and precision; not to be changed.

    Processes that share the tests (pytest-xdist) share it: the first one exports it.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "everything"
    with (shared / "everything.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            command = [sys.executable, "-m", "cifarq_export", *EVERYTHING, "--out", str(folder)]
            done = subprocess.run(command, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def this_device() -> str:
    """What ``--wheels`` calls the machine that these tests run on."""
    here = this_platform()
    python, glibc = (".".join(map(str, version)) for version in (here.python, here.glibc))
    return f"linux-{here.machine}-py{python}-glibc{glibc}"


@pytest.fixture(scope="session")
def real_wheels(
    tmp_path_factory: pytest.TempPathFactory, this_device: str
) -> tuple[Path, Wheelhouse]:
    """The wheels that this machine would need offline, really fetched; not to be changed."""
    folder = tmp_path_factory.mktemp("fetched") / "wheels"
    wish = wheelhouse.Wish(platforms.platform(this_device))
    return folder, wheelhouse.fill(folder, wish, ["onnxruntime"])


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep found ranges away from the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def seed_cnn() -> Source:
    """The shipped seed CNN, as it is exported."""
    folder = models.pretrained("seed-cnn")
    assert folder is not None
    return checkpoint.source(folder)


@pytest.fixture(scope="session")
def shipped_images(seed_cnn: Source) -> ExportImages:
    """The images of an export without a data set: 512, 200 and 500."""
    return Gatherer(None).gather(
        seed_cnn.classes, seed_cnn.input_shape, calibration_images=512, validation_images=200
    )


@pytest.fixture(scope="session")
def exported_once(tmp_path_factory: pytest.TempPathFactory, seed_cnn: Source) -> Path:
    """A scratch folder in which the seed CNN lies as ONNX, and folded; not to be changed."""
    scratch = tmp_path_factory.mktemp("exported-once")
    onnx_format.static_base(seed_cnn, Recipe(seed_cnn.how, "x86-vnni", scratch))
    return scratch


@pytest.fixture
def recipe(
    tmp_path: Path, seed_cnn: Source, shipped_images: ExportImages, exported_once: Path
) -> Callable[..., Recipe]:
    """Make a recipe for the seed CNN; changes by keyword.

    Its scratch folder holds the exported model already, unless another one is named: what exports
    another model, or with another normalisation, does.
    """

    def make(**changes: Any) -> Recipe:
        plain = Recipe(seed_cnn.how, "x86-vnni", tmp_path, Calibration(shipped_images.calibration))
        if not {"how", "scratch"} & set(changes):
            shutil.copytree(exported_once, tmp_path, dirs_exist_ok=True)
        return replace(plain, **changes)

    return make


@pytest.fixture(scope="session")
def ruin() -> Callable[[Path, float], Path]:
    """Write a checkpoint that answers as the shipped one, and whose conv2 and conv3 are ruined.

    One channel between them is made larger by a factor, and taken back: in FP32 nothing changes,
    and the scale of 8 bits has to reach so far that nothing is left for the other channels.
    """
    from cifarq import checkpoint as checkpoints

    def write(folder: Path, factor: float) -> Path:
        loaded = checkpoints.load(models.pretrained("seed-cnn"))  # type: ignore[arg-type]
        weights = {name: tensor.clone() for name, tensor in loaded.weights.items()}
        weights["conv2.weight"][0] *= factor
        weights["conv2.bias"][0] *= factor
        weights["conv3.weight"][:, 0] /= factor
        checkpoints.save(replace(loaded, weights=weights), folder)
        return folder

    return write


@pytest.fixture(scope="session")
def fit() -> Callable[..., tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """A function that solves for the last layer of a classifier of ten classes."""

    def solve(
        features: NDArray[np.float32], labels: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the weights and bias of a linear layer by ridge regression on ten answers."""
        x = np.concatenate([features, np.ones((len(features), 1))], axis=1).astype(np.float64)
        y = 2.0 * np.eye(10)[labels] - 1
        ridge = np.trace(x.T @ x) / x.shape[1]  # far more features than images could tell apart
        solved = np.linalg.solve(x.T @ x + 10 * ridge * np.eye(x.shape[1]), x.T @ y)
        return solved[:-1].T.astype(np.float32), solved[-1].astype(np.float32)

    return solve
