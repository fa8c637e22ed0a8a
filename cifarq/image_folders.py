"""Class folders: ``train/<class>/*`` and ``test/<class>/*``, any classes, any count.

PNG, JPEG and WebP, all of one size. Classes are numbered in the order of their sorted names.
"""

from pathlib import Path

import numpy as np

from cifarq.labelled import LabelledImages
from edge_runtime.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def found_in(data_dir: Path) -> bool:
    """Say whether ``data_dir`` has the layout: a ``train`` and a ``test`` folder."""
    return (data_dir / "train").is_dir() and (data_dir / "test").is_dir()


def read(data_dir: Path) -> tuple[tuple[str, ...], LabelledImages, LabelledImages]:
    """Read class names, train and test.

    Raises:
        DataError: train and test name different classes, a class is empty, an image cannot be
            decoded or has another size than the first.
    """
    classes = _classes(data_dir / "train")
    if (other := _classes(data_dir / "test")) != classes:
        differing = ", ".join(sorted(set(classes) ^ set(other)))
        raise DataError(
            f"train and test in {data_dir} differ in their classes: {differing}. "
            "Each class needs a folder in both."
        )
    size: list[tuple[int, int]] = []
    train = _read_part(data_dir / "train", classes, size)
    return classes, train, _read_part(data_dir / "test", classes, size)


def _classes(part: Path) -> tuple[str, ...]:
    names = tuple(sorted(p.name for p in part.iterdir() if p.is_dir() and p.name[0] != "."))
    if len(names) < 2:
        raise DataError(f"{part} has {len(names)} class folders; a classifier needs at least 2.")
    return names


def _read_part(part: Path, classes: tuple[str, ...], size: list[tuple[int, int]]) -> LabelledImages:
    images: list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        files = sorted(p for p in (part / name).iterdir() if p.suffix.lower() in SUFFIXES)
        if not files:
            raise DataError(
                f"class {name!r} is empty: {part / name} has no {', '.join(SUFFIXES)} file. "
                "Add images or remove the folder from train and test."
            )
        images += [_read_image(file, size) for file in files]
        labels += [label] * len(files)
    return LabelledImages(np.stack(images), np.asarray(labels, dtype=np.int64))


def _read_image(
    path: Path, size: list[tuple[int, int]]
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Decode one image to (3, H, W); ``size`` remembers the first image's, for all to match."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"cannot decode {path} ({error}). Replace or remove it.") from error
    size[:] = size or [pixels.shape[:2]]
    if pixels.shape[:2] != size[0]:
        raise DataError(
            f"{path} is {pixels.shape[1]}x{pixels.shape[0]} pixels, the first image is "
            f"{size[0][1]}x{size[0][0]}. Resize all images to one size first."
        )
    return pixels.transpose(2, 0, 1)
