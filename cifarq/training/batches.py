"""The training images on the device, and how a batch of them is prepared."""

import torch
from torch import Tensor

from cifarq.data.labelled import LabelledImages
from cifarq.training.augment import augment, draw_from
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
        self._images = torch.from_numpy(train.images).to(device)
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
        index = chosen.to(self.device)
        augmented = augment(
            *(self._images[index], mirrored, draw),
            crop=self.side - side,
            cutout=self._config.cutout,
        )
        images = (augmented.float() - self._mean) / self._std
        return images.contiguous(memory_format=torch.channels_last), self._labels[index]
