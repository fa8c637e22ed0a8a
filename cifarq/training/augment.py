"""Batched tensor augmentation: a whole batch in a few tensor operations, on any device."""

import torch
from torch import Tensor
from torch.nn import functional


def augment(images: Tensor, generator: torch.Generator, *, pad: int = 4, cutout: int = 7) -> Tensor:
    """Shift, mirror and cut a hole into each image, each drawn anew.

    Args:
        images: (N, C, H, W), any dtype; not changed.
        generator: where the draws come from; on the CPU, so that every device draws the same.
        pad: largest shift in pixels; the border is filled by reflection.
        cutout: side in pixels of a square that is set to the image's mean; 0 for none.

    Returns:
        (N, C, H, W) of the same dtype and device.

    Source: random crop and flip as in He et al. 2015 (arXiv:1512.03385), section 4.2; cutout from
    DeVries and Taylor 2017 (arXiv:1708.04552).
    """
    return _cut(_mirror(_shift(images, generator, pad), generator), generator, cutout)


def _draw(high: int, shape: tuple[int, ...], generator: torch.Generator, like: Tensor) -> Tensor:
    return torch.randint(high, shape, generator=generator).to(like.device)


def _shift(images: Tensor, generator: torch.Generator, pad: int) -> Tensor:
    count, channels, height, width = images.shape
    pad = min(pad, height - 1, width - 1)  # a reflection has to fit into the image
    padded = functional.pad(images, (pad, pad, pad, pad), mode="reflect")
    offset = _draw(2 * pad + 1, (2, count, 1), generator, images)
    rows = offset[0] + torch.arange(height, device=images.device)  # (N, H)
    columns = offset[1] + torch.arange(width, device=images.device)  # (N, W)
    return padded[
        torch.arange(count, device=images.device)[:, None, None, None],
        torch.arange(channels, device=images.device)[None, :, None, None],
        rows[:, None, :, None],
        columns[:, None, None, :],
    ]


def _mirror(images: Tensor, generator: torch.Generator) -> Tensor:
    mirrored = _draw(2, (len(images), 1, 1, 1), generator, images).bool()
    return torch.where(mirrored, images.flip(-1), images)


def _cut(images: Tensor, generator: torch.Generator, side: int) -> Tensor:
    if side == 0:
        return images
    count, _, height, width = images.shape
    centre = torch.stack(
        [_draw(height, (count,), generator, images), _draw(width, (count,), generator, images)]
    )[..., None]
    rows = torch.arange(height, device=images.device) - centre[0] + side // 2  # (N, H)
    columns = torch.arange(width, device=images.device) - centre[1] + side // 2  # (N, W)
    rows, columns = (rows >= 0) & (rows < side), (columns >= 0) & (columns < side)
    hole = (rows[:, :, None] & columns[:, None, :])[:, None]
    mean = images.float().mean(dim=(2, 3), keepdim=True).to(images.dtype)
    return torch.where(hole, mean, images)
