"""A data set as arrays: where it is looked for, and how it is split.

``find`` and ``load`` are the front doors. They know two layouts (``cifar10``'s official binary
files, and ``image_folders``), and split train into train and validation, always the same way;
``load`` also reads every image. A file more or less in a class folder moves at most one other image
from one part to the other, or into or out of a draw.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cifarq.data import cifar10, image_folders
from cifarq.data.labelled import Labelled, LabelledImages
from edge_runtime.errors import DataError

SPLIT_SEED = 20260
"""Seeds the split of train into train and validation. Changing it moves every shipped pack."""


AnyLabelled = TypeVar("AnyLabelled", bound=Labelled)


@dataclass(frozen=True)
class Dataset:
    """Images and labels of one classification task, split three ways.

    Attributes:
        name: ``cifar10``, or the folder's name.
        classes: class names; a label is an index into them.
        train: what weights and calibration may see.
        validation: what choices may see: hyper-parameters, checkpoints, gates.
        test: for the last look only.
    """

    name: str
    classes: tuple[str, ...]
    train: LabelledImages
    validation: LabelledImages
    test: LabelledImages

    @property
    def normalisation(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Per-channel mean and standard deviation on the 0-1 scale, RGB.

        CIFAR-10's published constants, else the statistics of ``train``.
        """
        if (self.name, self.classes) == (cifar10.NAME, cifar10.CLASSES):
            return cifar10.MEAN, cifar10.STD
        pixels = self.train.images.astype(np.float64) / 255
        mean, std = pixels.mean(axis=(0, 2, 3)), pixels.std(axis=(0, 2, 3))
        return (
            tuple(round(float(v), 4) for v in mean),
            tuple(round(max(float(v), 1e-3), 4) for v in std),
        )


@dataclass(frozen=True)
class Parts:
    """A data set that is split and not read: what an export draws its few images from."""

    name: str
    classes: tuple[str, ...]
    train: Labelled
    validation: Labelled
    test: Labelled


def find(data_dir: Path | None = None) -> Parts:
    """Find a data set and split it. Class folders are listed, their images not read yet.

    Args:
        data_dir: the only place that is looked at, if given. Else the user's cache, where
            CIFAR-10 is downloaded to if it is not there yet.

    Raises:
        DataError: nothing usable was found; the message names every place looked at.
    """
    folder = cifar10.find_or_download() if data_dir is None else cifar10.find(data_dir)
    if folder is not None:
        train, test = cifar10.read(folder)
        return Parts(cifar10.NAME, cifar10.CLASSES, *split(train), test)
    assert data_dir is not None
    if not image_folders.found_in(data_dir):
        raise DataError(
            f"no data set in {data_dir}. Looked for {data_dir / cifar10.FOLDER}, for "
            f"{cifar10.TRAIN_FILES[0]} in {data_dir} itself, and for class folders as "
            f"{data_dir / 'train' / '<class>' / 'image.png'}.",
            "Give the folder that holds one.",
        )
    classes, files, test_files = image_folders.listing(data_dir)
    return Parts(data_dir.resolve().name, classes, *split(files), test_files)


def load(data_dir: Path | None = None) -> Dataset:
    """Find a data set, split it, and read all of it; see ``find``.

    Raises:
        DataError: nothing usable was found, or an image cannot be used.
    """
    unread = find(data_dir)
    parts = [part.read() for part in (unread.train, unread.validation, unread.test)]
    first = parts[0].images.shape[1:]
    for name, part in zip(("validation", "test"), parts[1:], strict=True):
        if part.images.shape[1:] != first:
            raise DataError(
                f"the images of {name} are {part.images.shape[1:]}, those of train {first}.",
                "Resize all images to one size first.",
            )
    return Dataset(unread.name, unread.classes, *parts)


def split(train: AnyLabelled, *, seed: int = SPLIT_SEED) -> tuple[AnyLabelled, AnyLabelled]:
    """Split train into train and validation: a tenth of every class, drawn with ``seed``.

    For CIFAR-10 that is 45,000 and 5,000. The order within each part is the original one.
    """
    shuffled = train.shuffle(seed)
    held_out = np.zeros(len(train), dtype=bool)
    for label in np.unique(train.labels):
        of_class = shuffled[train.labels[shuffled] == label]
        if len(of_class) < 2:
            raise DataError(
                f"class {label} has 1 training image; 2 are needed, as one is held out for "
                "validation.",
                "Add images.",
            )
        held_out[of_class[: max(1, round(len(of_class) / 10))]] = True
    return train.take(np.flatnonzero(~held_out)), train.take(np.flatnonzero(held_out))


def balanced_draw(images: Labelled, count: int, *, seed: int) -> NDArray[np.int64]:
    """Draw ``count`` indices, every class as often as the others, give or take one.

    A class that runs out leaves its places to the others.

    Args:
        images: what to draw from.
        count: how many; all of them, if there are fewer.
        seed: seeds the draw.

    Returns:
        Indices into ``images``, shape (min(count, N),), in random order.
    """
    shuffled = images.shuffle(seed)
    labels = images.labels[shuffled]
    rank = np.empty(len(images), dtype=np.int64)  # the how-many-eth of its class each image is
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels == label)
        rank[of_class] = np.arange(len(of_class))
    return shuffled[np.argsort(rank, kind="stable")[:count]]
