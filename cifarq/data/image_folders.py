"""Class folders: ``train/<class>/*`` and ``test/<class>/*``, any classes, any count.

The images of a class are those that ``edge-bench classify`` would find in its folder: in subfolders
too, known by their suffix, hidden ones passed over (macOS leaves ``._photo.jpg`` beside a photo).
Classes are numbered in the order of their sorted names.
"""

from pathlib import Path

import numpy as np

from cifarq.data.labelled import LabelledFiles
from edge_runtime.classify import images
from edge_runtime.errors import DataError


def found_in(data_dir: Path) -> bool:
    """Say whether ``data_dir`` has the layout: a ``train`` and a ``test`` folder."""
    return (data_dir / "train").is_dir() and (data_dir / "test").is_dir()


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


def _classes(part: Path) -> tuple[str, ...]:
    names = tuple(sorted(p.name for p in part.iterdir() if p.is_dir() and p.name[0] != "."))
    if len(names) < 2:
        raise DataError(f"{part} has {len(names)} class folders; a classifier needs at least 2.")
    return names


def _part(part: Path, classes: tuple[str, ...]) -> LabelledFiles:
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        files = _files(part / name)
        if not files:
            raise DataError(
                f"class {name!r} is empty: {part / name} holds no image that is known by its "
                f"suffix: {' '.join(sorted(images.PICTURES))}.",
                "Add images or remove the folder from train and test.",
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
