"""A data set as arrays: where it is looked for, and how it is split.

``find`` and ``load`` are the front doors. They know ``cifar10``'s official binary files and the two
layouts of ``image_folders``, and split train into train and validation, always the same way;
``load`` also reads every image. A file more or less in a class folder moves at most one other image
from one part to the other, or into or out of a draw.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cifarq.data import cifar10, image_folders
from cifarq.data.labelled import Labelled, LabelledImages
from edge_runtime.classify.resize import Resize
from edge_runtime.errors import DataError

SPLIT_SEED = 20260
"""Seeds the split of train into train and validation. Changing it moves every shipped pack."""

_TEST_SEED = 20261
"""Seeds which images are test where the folders do not say it."""

_BLOCK = 16
"""Images of which statistics are taken at once."""

Normalisation = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation of each channel."""

IMAGENET: Normalisation = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""What networks of other projects are usually trained with."""

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
        known_normalisation: mean and standard deviation; None takes what ``normalisation`` says.
        note: what was decided about the split, a sentence; empty if the data says all.
    """

    name: str
    classes: tuple[str, ...]
    train: LabelledImages
    validation: LabelledImages
    test: LabelledImages
    known_normalisation: Normalisation | None = None
    note: str = ""

    @cached_property
    def normalisation(self) -> Normalisation:
        """Per-channel mean and standard deviation on the 0-1 scale, RGB.

        What is known, CIFAR-10's published constants, else the statistics of ``train``.
        """
        if self.known_normalisation is not None:
            return self.known_normalisation
        if (self.name, self.classes) == (cifar10.NAME, cifar10.CLASSES):
            return cifar10.MEAN, cifar10.STD
        mean, std = _mean_and_deviation(self.train.images)
        return (
            tuple(round(float(v), 4) for v in mean),
            tuple(round(max(float(v), 1e-3), 4) for v in std),
        )

    @cached_property
    def fingerprint(self) -> str:
        """What tells this train part from others: of its pixels and labels, 12 hex digits."""
        digest = hashlib.sha256(np.ascontiguousarray(self.train.images).data)
        digest.update(np.ascontiguousarray(self.train.labels).data)
        return digest.hexdigest()[:12]


@dataclass(frozen=True)
class Parts:
    """A data set that is split and not read: what an export draws its few images from."""

    name: str
    classes: tuple[str, ...]
    train: Labelled
    validation: Labelled
    test: Labelled
    note: str = ""


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
    name = data_dir.resolve().name
    if image_folders.found_in(data_dir):
        classes, files, test_files = image_folders.listing(data_dir)
        return Parts(name, classes, *split(files), test_files)
    if image_folders.found_undivided(data_dir):
        classes, files = image_folders.list_undivided(data_dir)
        files, test_files = split(files, seed=_TEST_SEED)
        note = (
            f"{data_dir} is not divided into train and test: {len(test_files)} of its "
            f"{len(files) + len(test_files)} images, a tenth of each class, are test, drawn by the "
            "files' names."
        )
        return Parts(name, classes, *split(files), test_files, note)
    raise DataError(
        f"no data set in {data_dir}. Looked for {data_dir / cifar10.FOLDER}, for "
        f"{cifar10.TRAIN_FILES[0]} in {data_dir} itself, and for class folders as "
        f"{data_dir / 'train' / '<class>' / 'image.png'} with others in test, or as "
        f"{data_dir / '<class>' / 'image.png'}.",
        "Give the folder that holds one.",
    )


def load(
    data_dir: Path | None = None,
    resize: Resize | None = None,
    watch: Callable[[str, int, int], object] = lambda what, done, total: None,
) -> Dataset:
    """Find a data set, split it, and read all of it; see ``find``.

    Args:
        data_dir: see ``find``.
        resize: what brings images to one size; None if they have one.
        watch: told how far it is.

    Raises:
        DataError: nothing usable was found, or an image cannot be used.
    """
    unread = find(data_dir)
    train = read(unread.train, "train", resize, watch)
    validation = read(unread.validation, "validation", resize, watch)
    test = read(unread.test, "test", resize, watch)
    first = train.images.shape[1:]
    for name, part in (("validation", validation), ("test", test)):
        if part.images.shape[1:] != first:
            raise DataError(
                f"the images of {name} are {part.images.shape[1:]}, those of train {first}.",
                "Scale them to one size: cifarq train --image-size N, cifarq-export --resize N.",
            )
    return Dataset(unread.name, unread.classes, train, validation, test, note=unread.note)


def read(
    part: Labelled,
    name: str,
    resize: Resize | None,
    watch: Callable[[str, int, int], object],
) -> LabelledImages:
    """Read a part of a data set, and tell how far it is."""
    return part.read(resize, lambda done: watch(f"reading {name} images", done, len(part)))


def split(train: AnyLabelled, *, seed: int = SPLIT_SEED) -> tuple[AnyLabelled, AnyLabelled]:
    """Split train into train and validation: a tenth of every class, drawn with ``seed``.

    For CIFAR-10 that is 45,000 and 5,000. The order within each part is the original one. In the
    same way, with another seed, class folders without a test part are divided.
    """
    shuffled = train.shuffle(seed)
    held_out = np.zeros(len(train), dtype=bool)
    for label in np.unique(train.labels):
        of_class = shuffled[train.labels[shuffled] == label]
        if len(of_class) < 2:
            raise DataError(
                f"class {label} has 1 image left to train on; 2 are needed, as one is held out.",
                "Add images.",
            )
        held_out[of_class[: max(1, round(len(of_class) / 10))]] = True
    return train.take(np.flatnonzero(~held_out)), train.take(np.flatnonzero(held_out))


def _mean_and_deviation(
    images: NDArray[np.uint8],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each channel's mean and standard deviation (C,) on the 0-1 scale, exact sums of bytes.

    A few images at a time: as floats, all of them would take eight times their memory.
    """
    sums = squares = np.zeros(images.shape[1], np.int64)
    for start in range(0, len(images), _BLOCK):
        values = images[start : start + _BLOCK].astype(np.uint16)  # which the squares fit into
        sums = sums + values.sum(axis=(0, 2, 3), dtype=np.int64)
        squares = squares + (values**2).sum(axis=(0, 2, 3), dtype=np.int64)
    values_each = images.size / images.shape[1]
    mean = sums / values_each
    return mean / 255, np.sqrt(np.maximum(squares / values_each - mean**2, 0)) / 255


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
