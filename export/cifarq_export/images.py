"""The real images of an export: those that check the artifacts, and those that travel with them.

From the data set that was given, else from the packs that ship with ``cifarq``; the same draws
either way. The two are disjoint: golden images come from test, and check nothing here.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cifarq import cifar10, data, packs
from cifarq.checkpoint import Checkpoint
from cifarq.labelled import LabelledImages
from edge_runtime.errors import DataError


@dataclass(frozen=True)
class ExportImages:
    """Images for one export.

    Attributes:
        dataset: the data set's name.
        validation: what artifacts are compared on.
        golden: what goes into the golden pack.
    """

    dataset: str
    validation: LabelledImages
    golden: LabelledImages

    def to_json(self) -> dict[str, Any]:
        """Return what the manifest says of them."""
        return {
            "dataset": self.dataset,
            "validation": {"split": "validation", "images": len(self.validation)},
            "golden": {"split": "test", "images": len(self.golden)},
        }


def gather(checkpoint: Checkpoint, data_dir: Path | None) -> ExportImages:
    """Return the images for a checkpoint.

    Args:
        checkpoint: its classes and input shape have to be the images'.
        data_dir: a data set, or None for the shipped packs.

    Raises:
        DataError: the images are not what the checkpoint was trained for.
    """
    if data_dir is None:
        name, classes = cifar10.NAME, cifar10.CLASSES
        validation, golden = packs.shipped("validation"), packs.shipped("golden")
    else:
        dataset = data.load(data_dir)
        name, classes = dataset.name, dataset.classes
        validation, golden = packs.draw(dataset, "validation"), packs.draw(dataset, "golden")
    where = data_dir or "the CIFAR-10 images that ship with cifarq"
    if classes != checkpoint.classes:
        raise DataError(
            f"the checkpoint knows {len(checkpoint.classes)} classes "
            f"({', '.join(checkpoint.classes[:3])}, ...), {where} has {len(classes)} "
            f"({', '.join(classes[:3])}, ...). Give the data it was trained for with --data-dir."
        )
    if validation.images.shape[1:] != checkpoint.input_shape:
        raise DataError(
            f"the checkpoint takes images of shape {checkpoint.input_shape}, {where} has "
            f"{validation.images.shape[1:]}. Give the data it was trained for with --data-dir."
        )
    return ExportImages(name, validation, golden)
