"""The training images on the device, and how a batch of them is prepared."""

import numpy as np
import torch
from torch import Tensor

from cifarq.data.labelled import LabelledImages
from cifarq.training.augment import Draw, augment, draw_from
from cifarq.training.photographs import resized_crops
from cifarq.training.report import TrainConfig


class Batches:
    """Images and labels, on the device that trains.

    Args:
        train: what is learned from.
        mean, std: per-channel normalisation on the 0-1 scale.
        config: how images are augmented.
        device: that trains.
    """

    def __init__(
        self,
        train: LabelledImages,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        config: TrainConfig,
        device: torch.device,
    ) -> None:
        self.device = device
        self._config = config
        self.side = min(train.images.shape[2:])
        # What lies in a file would fill a GPU's memory too: it stays there.
        on_disk = isinstance(train.images, np.memmap)
        self._images = torch.from_numpy(train.images).to("cpu" if on_disk else device)
        self._labels = torch.from_numpy(train.labels).to(device)
        self._mean = torch.tensor(mean, device=device)[:, None, None] * 255
        self._std = torch.tensor(std, device=device)[:, None, None] * 255
        generator = torch.Generator().manual_seed(config.seed)
        self._mirrored_first = torch.randint(2, (len(self),), generator=generator).bool()

    def __len__(self) -> int:
        return len(self._labels)

    def order(self, size: int, generator: torch.Generator) -> list[Tensor]:
        """Return all indices in random order, cut into batches of ``size``."""
        batches = list(torch.randperm(len(self), generator=generator).split(size))
        if len(batches) > 1 and len(batches[-1]) == 1:  # batch norm cannot normalise one image
            batches[-2:] = [torch.cat(batches[-2:])]
        return batches

    def read(
        self, chosen: Tensor, epoch: int, generator: torch.Generator, *, side: int, part: slice
    ) -> tuple[Tensor, Tensor]:
        """Return a batch, or a part of it.

        Args:
            chosen: indices of the whole batch.
            epoch: from 0.
            generator: where augmentation draws from.
            side: pixels of a side that are left of the shorter side.
            part: which images of the batch are returned.

        Returns:
            Images (N, C, H, W), augmented and normalised, channels last; labels (N,).
        """
        draw = draw_from(generator, len(chosen), part)
        chosen = chosen[part]
        mirrored = self._mirrored_first[chosen] ^ bool(epoch % 2)
        if not self._config.alternate:
            mirrored = draw(2).bool()
        chosen = chosen.to(self._images.device)
        batch = self._images[chosen].to(self.device)
        images = (self._augment(batch, mirrored, draw, side).float() - self._mean) / self._std
        labels = self._labels[chosen.to(self.device)]
        return images.contiguous(memory_format=torch.channels_last), labels

    def _augment(self, images: Tensor, mirrored: Tensor, draw: Draw, side: int) -> Tensor:
        if self._config.image_size is not None:
            return resized_crops(images, mirrored, draw, side)
        crop, cutout = self.side - side, self._config.cutout
        return augment(images, mirrored, draw, crop=crop, cutout=cutout)
