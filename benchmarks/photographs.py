r"""A data set of photographs of mixed sizes that anybody can make: bricks, grass and gravel.

Three photographs of surfaces ship with scikit-image. Each is cut into 150 rectangles that do not
overlap, of mixed sizes and both orientations, and written as JPEG, one folder a class. All images
of a class come from one photograph: this shows that the commands work together, and nothing about
recognising surfaces. From there on:

    pip install --no-deps --target scikit-image scikit-image
    python benchmarks/photographs.py scikit-image/skimage/data photos
    cifarq train --model torchvision.models:mobilenet_v3_small --data-dir photos \
        --image-size 96 --epochs 30 --batch-size 16 --out runs/photos
    cifarq-export runs/photos --model torchvision.models:mobilenet_v3_small --data-dir photos
    edge-bench mobilenet-v3-small-bundle

Source: scikit-image's data folder; brick, grass and gravel are from CC0Textures, CC0.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("brick", "grass", "gravel")
PIECES = 150

Rectangle = tuple[int, int, int, int]
"""Left, top, right, bottom, in pixels."""


def cut(width: int, height: int, pieces: int, draw: np.random.Generator) -> list[Rectangle]:
    """Divide an image into rectangles: the largest is cut across its longer side, until enough."""
    rectangles = [(0, 0, width, height)]
    while len(rectangles) < pieces:
        rectangles.sort(key=lambda r: (r[2] - r[0]) * (r[3] - r[1]))
        left, top, right, bottom = rectangles.pop()
        share = draw.uniform(0.3, 0.7)
        if right - left > bottom - top:
            middle = left + round(share * (right - left))
            rectangles += [(left, top, middle, bottom), (middle, top, right, bottom)]
        else:
            middle = top + round(share * (bottom - top))
            rectangles += [(left, top, right, middle), (left, middle, right, bottom)]
    return rectangles


def write(source: Path, folder: Path) -> None:
    """Cut the photographs in ``source`` into the class folders of ``folder``."""
    draw = np.random.default_rng(0)
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        with Image.open(source / f"{name}.png") as photograph:
            for number, rectangle in enumerate(cut(*photograph.size, PIECES, draw)):
                piece = photograph.crop(rectangle).convert("RGB")
                piece.save(folder / name / f"{number:03}.jpg", quality=92)


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
