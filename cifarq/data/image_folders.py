"""Class folders: ``train/<class>/*`` and ``test/<class>/*``, or ``<class>/*`` alone.

The images of a class are those that ``edge-bench classify`` would find in its folder: in subfolders
too, known by their suffix, hidden ones passed over (macOS leaves ``._photo.jpg`` beside a photo).
Classes are numbered in the order of their sorted names.
"""

from pathlib import Path

import numpy as np

from cifarq.data.labelled import LabelledFiles
from edge_runtime.classify import images
from edge_runtime.errors import DataError, reason

_PARTS = frozenset({"train", "training", "val", "valid", "validation", "test"})


def found_in(data_dir: Path) -> bool:
    """Say whether ``data_dir`` has the layout: a ``train`` and a ``test`` folder."""
    return (data_dir / "train").is_dir() and (data_dir / "test").is_dir()


def found_undivided(data_dir: Path) -> bool:
    """Say whether ``data_dir`` holds class folders itself: at least two folders with images.

    A folder named like a part of a data set is none: it holds classes, whatever lies beside it.
    """
    folders = _folders(data_dir) if data_dir.is_dir() else ()
    if _PARTS & {name.lower() for name in folders}:
        return False
    return sum(any(images.below(data_dir / name, images.PICTURES)) for name in folders) >= 2


def listing(data_dir: Path) -> tuple[tuple[str, ...], LabelledFiles, LabelledFiles]:
    """Return class names, train and test; no image is read yet.

    Raises:
        DataError: train and test name different classes, or a class is empty.
    """
    classes = _classes(data_dir / "train")
    if (other := _classes(data_dir / "test")) != classes:
        differing = ", ".join(sorted(set(classes) ^ set(other)))
        raise DataError(
            f"train and test in {data_dir} differ in their classes: {differing}.",
            "Each class needs a folder in both.",
        )
    return classes, _part(data_dir / "train", classes), _part(data_dir / "test", classes)


def list_undivided(data_dir: Path) -> tuple[tuple[str, ...], LabelledFiles]:
    """Return class names and all images; none is read yet.

    Raises:
        DataError: a class is empty.
    """
    classes = _classes(data_dir)
    return classes, _part(data_dir, classes)


def _classes(part: Path) -> tuple[str, ...]:
    names = _folders(part)
    if len(names) < 2:
        raise DataError(f"{part} has {len(names)} class folders; a classifier needs at least 2.")
    return names


def _folders(folder: Path) -> tuple[str, ...]:
    try:
        return tuple(sorted(p.name for p in folder.iterdir() if p.is_dir() and p.name[0] != "."))
    except OSError as error:
        raise DataError(f"{folder}: {reason(error)}.") from error


def _part(part: Path, classes: tuple[str, ...]) -> LabelledFiles:
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        files = _files(part / name)
        if not files:
            raise DataError(
                f"class {name!r} is empty: {part / name} holds no image that is known by its "
                f"suffix: {' '.join(sorted(images.PICTURES))}.",
                "Add images or remove the folder.",
            )
        paths += files
        labels += [label] * len(files)
    return LabelledFiles(part, tuple(paths), np.asarray(labels, dtype=np.int64))


def _files(folder: Path) -> list[Path]:
    """Return the images in a folder and below it, in sorted order."""
    files: list[Path] = []
    for file in images.below(folder, images.PICTURES):
        if isinstance(file, DataError):
            raise DataError(file.what, "Replace or remove it.")
        files.append(file)
    return files
