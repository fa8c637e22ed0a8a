"""Batched tensor augmentation: a whole batch in a few tensor operations, on any device."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Draw = Callable[[int], Tensor]
"""Draws a number below the one that it is given for each image: (N,) int64, on the CPU."""


def augment(
    images: Tensor,
    mirrored: Tensor,
    draw: Draw,
    *,
    pad: int = 4,
    crop: int = 0,
    cutout: int = 7,
) -> Tensor:
    """Shift and mirror each image, and cut a hole into it.

    Args:
        images: (N, C, H, W), any dtype; not changed.
        mirrored: (N,) bool, which ones are mirrored.
        draw: where shifts and holes come from; see ``draw_from``.
        pad: largest shift in pixels; the border is filled by reflection.
        crop: pixels by which the sides of what is returned are shorter.
        cutout: side in pixels of a square that is set to the image's mean; 0 for none.

    Returns:
        (N, C, H - crop, W - crop) of the same dtype and device.

    Source: random crop and flip as in He et al. 2015 (arXiv:1512.03385), section 4.2; cutout from
    DeVries and Taylor 2017 (arXiv:1708.04552).
    """
    shifted = _shift(images, draw, pad, crop)
    flip = mirrored.to(images.device)[:, None, None, None]
    return _cut(torch.where(flip, shifted.flip(-1), shifted), draw, cutout)


def draw_from(generator: torch.Generator, count: int, part: slice) -> Draw:
    """Return what draws for the images of a part of a batch.

    Each image is given what it is given where the whole batch is augmented.

    Args:
        generator: on the CPU, so that every device draws the same.
        count: images of the whole batch.
        part: which of them are augmented.
    """
    return lambda high: torch.randint(high, (count,), generator=generator)[part]


def _shift(images: Tensor, draw: Draw, pad: int, crop: int) -> Tensor:
    count, channels, height, width = images.shape
    pad = min(pad, height - 1, width - 1)  # a reflection has to fit into the image
    padded = functional.pad(images, (pad, pad, pad, pad), mode="reflect")
    most = 2 * pad + crop + 1
    top, left = (draw(most).to(images.device)[:, None] for _ in range(2))
    rows = top + torch.arange(height - crop, device=images.device)  # (N, H)
    columns = left + torch.arange(width - crop, device=images.device)  # (N, W)
    return padded[
        torch.arange(count, device=images.device)[:, None, None, None],
        torch.arange(channels, device=images.device)[None, :, None, None],
        rows[:, None, :, None],
        columns[:, None, None, :],
    ]


def _cut(images: Tensor, draw: Draw, side: int) -> Tensor:
    if side == 0:
        return images
    height, width = images.shape[2:]
    row, column = (draw(size).to(images.device)[:, None] for size in (height, width))
    rows = torch.arange(height, device=images.device) - row + side // 2  # (N, H)
    columns = torch.arange(width, device=images.device) - column + side // 2  # (N, W)
    rows, columns = (rows >= 0) & (rows < side), (columns >= 0) & (columns < side)
    hole = (rows[:, :, None] & columns[:, None, :])[:, None]
    mean = images.float().mean(dim=(2, 3), keepdim=True).to(images.dtype)
    return torch.where(hole, mean, images)
