"""Class folders: ``train/<class>/*`` and ``test/<class>/*``, any classes, any count.

PNG, JPEG and WebP. Classes are numbered in the order of their sorted names.
"""

from pathlib import Path

import numpy as np

from cifarq.data.labelled import LabelledFiles
from edge_runtime.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


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
        files = sorted(p for p in (part / name).iterdir() if p.suffix.lower() in SUFFIXES)
        if not files:
            raise DataError(
                f"class {name!r} is empty: {part / name} has no {', '.join(SUFFIXES)} file.",
                "Add images or remove the folder from train and test.",
            )
        paths += files
        labels += [label] * len(files)
    return LabelledFiles(tuple(paths), np.asarray(labels, dtype=np.int64))
