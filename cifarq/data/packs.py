"""The real images that ship inside this package: three small, disjoint, class-balanced packs.

They let the exporter calibrate, check and equip a bundle where there is no data set. Each is drawn
from a part of CIFAR-10 of its own, so golden images can never calibrate, gate or choose anything.
Given a data set, the same draws are made from it.

    python -m cifarq.data.packs DATA_DIR   draws them again and writes ``cifarq/data/packs/``
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cifarq.data import cifar10
from cifarq.data.datasets import SPLIT_SEED, Dataset, Parts, balanced_draw, load
from cifarq.data.labelled import Labelled, LabelledImages

FOLDER = Path(__file__).parent / "packs"


@dataclass(frozen=True)
class Pack:
    """Which images are drawn: from which part of a data set, how many, with which seed."""

    part: str
    count: int
    seed: int


PACKS = {
    "calibration": Pack("train", 512, 1),
    "validation": Pack("validation", 1_000, 2),
    "golden": Pack("test", 500, 3),
}


def choose(dataset: Dataset | Parts, name: str, count: int | None = None) -> Labelled:
    """Choose a pack's images from a data set; all of the part, if it has fewer.

    Args:
        dataset: what to choose from; nothing is read.
        name: of the pack, which says from which part, with which seed.
        count: how many, if not the pack's own number.
    """
    pack = PACKS[name]
    part: Labelled = getattr(dataset, pack.part)
    return part.take(balanced_draw(part, count or pack.count, seed=pack.seed))


def draw(dataset: Dataset | Parts, name: str) -> LabelledImages:
    """Choose a pack's images from a data set, and read them."""
    return choose(dataset, name).read()


def shipped(name: str) -> LabelledImages:
    """Read a pack that ships with this package: CIFAR-10 images, the draw of ``draw``."""
    from PIL import Image

    record = json.loads((FOLDER / f"{name}.json").read_text())
    labels = np.asarray(record["labels"], dtype=np.int64)
    columns = _columns(len(labels))
    with Image.open(FOLDER / f"{name}.webp") as mosaic:
        pixels = np.asarray(mosaic.convert("RGB"))
    tiles = pixels.reshape(-1, 32, columns, 32, 3).transpose(0, 2, 4, 1, 3)
    return LabelledImages(np.ascontiguousarray(tiles.reshape(-1, 3, 32, 32)), labels)


def write(dataset: Dataset, folder: Path = FOLDER) -> None:
    """Draw all packs from CIFAR-10 and write each as a lossless mosaic and its labels."""
    from PIL import Image

    folder.mkdir(exist_ok=True)
    for name, pack in PACKS.items():
        drawn = draw(dataset, name)
        columns = _columns(len(drawn))
        tiles = drawn.images.reshape(-1, columns, 3, 32, 32).transpose(0, 3, 1, 4, 2)
        mosaic = Image.fromarray(tiles.reshape(-1, columns * 32, 3))
        mosaic.save(folder / f"{name}.webp", lossless=True, quality=100, method=6)
        record = {
            "source": "CIFAR-10, A. Krizhevsky 2009",
            "part": pack.part,
            "seed": pack.seed,
            "split_seed": SPLIT_SEED,
            "classes": cifar10.CLASSES,
            "labels": drawn.labels.tolist(),
        }
        (folder / f"{name}.json").write_text(json.dumps(record) + "\n")


def _columns(count: int) -> int:
    """Return the largest divisor of ``count`` up to 50: WebP holds at most 16,383 pixels a side."""
    return max(d for d in range(1, 51) if count % d == 0)


if __name__ == "__main__":
    write(load(Path(sys.argv[1])))
