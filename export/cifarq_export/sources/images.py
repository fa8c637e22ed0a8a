"""The real images of an export: those that calibrate, those that check, those that travel along.

From the data set that was given, else from the packs that ship with ``cifarq``; the same draws
either way. The three are disjoint: golden images come from test, and check nothing here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from cifarq.data import cifar10, datasets, packs
from cifarq.data.labelled import Labelled, LabelledImages
from edge_runtime.bundle.manifest import ImagesRecord, SplitRecord
from edge_runtime.bundle.resizing import Resizing
from edge_runtime.classify.resize import Resize
from edge_runtime.errors import DataError

_GOLDEN_BYTES = 16 * 2**20
"""How large the golden images may be: they are copied to the device."""

_MIN_GOLDEN = 64


@dataclass(frozen=True)
class ExportImages:
    """Images for one export.

    Attributes:
        dataset: the data set's name.
        calibration: what static INT8 finds its ranges from.
        validation: what artifacts are compared on.
        golden: what goes into the golden pack.
        resizing: how each was brought to the model's size; None if they were left as they are.
        more_validation: how many images the data has for validation that were not drawn.
    """

    dataset: str
    calibration: LabelledImages
    validation: LabelledImages
    golden: LabelledImages
    resizing: Resizing | None = None
    more_validation: int = 0

    def record(self) -> ImagesRecord:
        """Return their entry in the manifest."""
        return ImagesRecord(
            self.dataset,
            validation=SplitRecord("validation", len(self.validation)),
            golden=SplitRecord("test", len(self.golden)),
        )


@dataclass(frozen=True)
class Gatherer:
    """Where an export's images come from.

    Attributes:
        data_dir: a data set, or None for the shipped packs.
        resizing: how images are brought to the model's size; None leaves them as they are.
    """

    data_dir: Path | None
    resizing: Resizing | None = None

    @cached_property
    def parts(self) -> datasets.Parts:
        """The data set, split and not read."""
        if self.data_dir is not None:
            return datasets.find(self.data_dir)
        part = {packs.PACKS[name].part: packs.shipped(name) for name in packs.PACKS}
        return datasets.Parts(
            cifar10.NAME, cifar10.CLASSES, part["train"], part["validation"], part["test"]
        )

    @property
    def where(self) -> str:
        """What the images are called in messages."""
        return str(self.data_dir or "the CIFAR-10 images that ship with cifarq")

    def gather(
        self,
        classes: tuple[str, ...],
        input_shape: tuple[int, int, int],
        *,
        calibration_images: int,
        validation_images: int,
        watch: Callable[[str, int, int], object] = lambda what, done, total: None,
    ) -> ExportImages:
        """Draw the images.

        Args:
            classes: the model's, in the order of its logits; every class of the data has to be
                among them.
            input_shape: (C, H, W) that the model takes.
            calibration_images: how many; fewer if the data has fewer.
            validation_images: likewise.
            watch: told how far it is.

        Raises:
            DataError: the images are not what the model was trained for.
        """
        resize = Resize(self.resizing, *input_shape[1:]) if self.resizing is not None else None
        each = int(np.prod(input_shape))
        wanted = {
            "calibration": calibration_images,
            "validation": validation_images,
            "golden": max(_MIN_GOLDEN, min(packs.PACKS["golden"].count, _GOLDEN_BYTES // each)),
        }
        drawn = {
            name: self._relabel(self._draw(name, count, resize, watch), classes)
            for name, count in wanted.items()
        }
        if input_shape[0] == 1:
            drawn = {name: images.to_grey() for name, images in drawn.items()}
        for images in drawn.values():
            if images.images.shape[1:] != input_shape:
                raise DataError(
                    f"the model takes images of shape {input_shape}, {self.where} has "
                    f"{images.images.shape[1:]}.",
                    "Give the data it was trained on with --data-dir, or resize it with "
                    f"--resize {max(input_shape[1:])}.",
                )
        more = len(self.parts.validation) - len(drawn["validation"])
        return ExportImages(self.parts.name, **drawn, resizing=self.resizing, more_validation=more)

    def _draw(
        self, name: str, count: int, resize: Resize | None, watch: Callable[[str, int, int], object]
    ) -> LabelledImages:
        drawn: Labelled
        if self.data_dir is not None:
            drawn = packs.choose(self.parts, name, count)
        else:
            shipped = packs.shipped(name)  # drawn already, in random order: any prefix is fair
            drawn = shipped.take(np.arange(min(count, len(shipped))))
        return drawn.read(resize, lambda done: watch(f"reading {name} images", done, len(drawn)))

    def _relabel(self, images: LabelledImages, classes: tuple[str, ...]) -> LabelledImages:
        """Return images whose labels are indices into the model's classes."""
        own = self.parts.classes
        if own == classes:
            return images
        if unknown := [name for name in own if name not in classes]:
            raise DataError(
                f"the model knows {len(classes)} classes ({', '.join(classes[:3])}, ...), "
                f"{self.where} has {len(own)} ({', '.join(own[:3])}, ...), and {unknown[0]!r} is "
                "not among the model's.",
                "Give the data it was trained on with --data-dir, or its class names with "
                "--classes.",
            )
        index = np.asarray([classes.index(name) for name in own], dtype=np.int64)
        return LabelledImages(images.images, index[images.labels])
