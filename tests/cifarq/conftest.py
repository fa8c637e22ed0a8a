"""What the workshop's tests share: small data sets of real CIFAR-10 images, made from the packs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarq.data import cifar10, datasets, packs
from cifarq.data.datasets import Dataset
from cifarq.data.labelled import LabelledImages

WriteImages = Callable[..., None]


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Let PyTorch, here and in subprocesses, use one thread: small steps are faster so."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(before)


@pytest.fixture(scope="session")
def cifar10_dataset(data_dir: Path) -> Dataset:
    """All of CIFAR-10, for tests marked ``full_data``."""
    return datasets.load(data_dir)


@pytest.fixture(scope="session")
def write_images() -> WriteImages:
    """Write images as ``FOLDER/CLASS/NUMBER.SUFFIX``, each class in its folder."""
    from PIL import Image

    def write(
        folder: Path, images: LabelledImages, classes: tuple[str, ...], suffix: str = ".png"
    ) -> None:
        for number, (pixels, label) in enumerate(zip(images.images, images.labels, strict=True)):
            path = folder / classes[label] / f"{number:05}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.transpose(1, 2, 0).copy()).save(path)

    return write


@pytest.fixture(scope="session")
def two_classes() -> Dataset:
    """Airplanes and frogs, halved to 16x16: 200 to train on, 102 or 103 and 100 to look at."""
    pytest.importorskip("PIL")

    def part(pack: str) -> LabelledImages:
        images = packs.shipped(pack)
        chosen = images.take(np.flatnonzero(np.isin(images.labels, (0, 6))))
        halved = chosen.images.reshape(-1, 3, 16, 2, 16, 2).mean(axis=(3, 5)).astype(np.uint8)
        return LabelledImages(halved, (chosen.labels == 6).astype(np.int64))

    return Dataset(
        "two-classes",
        ("airplane", "frog"),
        part("validation"),
        part("calibration"),
        part("golden"),
    )


@pytest.fixture(scope="session")
def two_class_folder(
    two_classes: Dataset, write_images: WriteImages, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The same airplanes and frogs as class folders, for commands."""
    root = tmp_path_factory.mktemp("airplanes-and-frogs")
    write_images(root / "train", two_classes.train, two_classes.classes)
    write_images(root / "test", two_classes.test, two_classes.classes)
    return root


@pytest.fixture(scope="session")
def ten_class_folder(write_images: WriteImages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten images to train on and ten to test, of each of CIFAR-10's classes, as class folders."""
    pytest.importorskip("PIL")
    root = tmp_path_factory.mktemp("ten-classes")
    for part, pack in (("train", "validation"), ("test", "golden")):
        images = packs.shipped(pack)
        write_images(root / part, images.take(np.arange(100)), cifar10.CLASSES)
    return root


@dataclass
class FinishedRun:
    """A finished run on the two classes, and what a watcher saw of it."""

    config: Any
    folder: Path
    report: Any = None
    steps: list[tuple[int, int, int]] = field(default_factory=list)
    epochs: list[Any] = field(default_factory=list)
    kept: list[Any] = field(default_factory=list)
    """The checkpoint that was on disk when each epoch ended."""


@pytest.fixture(scope="module")
def finished(
    two_classes: Dataset, one_thread: None, tmp_path_factory: pytest.TempPathFactory
) -> FinishedRun:
    """Three epochs of the seed CNN on airplanes and frogs, uninterrupted."""
    from cifarq import checkpoint
    from cifarq.training import train
    from cifarq.training.report import Epoch, Progress, TrainConfig

    config = TrainConfig("seed-cnn", epochs=3, batch_size=64)
    run = FinishedRun(config, tmp_path_factory.mktemp("finished"))

    class Recorder(Progress):
        def step(self, epoch: int, done: int, total: int) -> None:
            run.steps.append((epoch, done, total))

        def epoch(self, epoch: Epoch) -> None:
            run.epochs.append(epoch)
            run.kept.append(checkpoint.load(run.folder))

    run.report = train.train(config, two_classes, run.folder, progress=Recorder())
    return run
