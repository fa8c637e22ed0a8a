"""Batched tensor augmentation: a whole batch in a few tensor operations, on any device."""

import torch
from torch import Tensor
from torch.nn import functional


def augment(
    images: Tensor,
    mirrored: Tensor,
    generator: torch.Generator,
    *,
    pad: int = 4,
    crop: int = 0,
    cutout: int = 7,
) -> Tensor:
    """Shift and mirror each image, and cut a hole into it.

    Args:
        images: (N, C, H, W), any dtype; not changed.
        mirrored: (N,) bool, which ones are mirrored.
        generator: where the draws come from; on the CPU, so that every device draws the same.
        pad: largest shift in pixels; the border is filled by reflection.
        crop: pixels by which the sides of what is returned are shorter.
        cutout: side in pixels of a square that is set to the image's mean; 0 for none.

    Returns:
        (N, C, H - crop, W - crop) of the same dtype and device.

    Source: random crop and flip as in He et al. 2015 (arXiv:1512.03385), section 4.2; cutout from
    DeVries and Taylor 2017 (arXiv:1708.04552).
    """
    shifted = _shift(images, generator, pad, crop)
    flip = mirrored.to(images.device)[:, None, None, None]
    return _cut(torch.where(flip, shifted.flip(-1), shifted), generator, cutout)


def _draw(high: int, shape: tuple[int, ...], generator: torch.Generator, like: Tensor) -> Tensor:
    return torch.randint(high, shape, generator=generator).to(like.device)


def _shift(images: Tensor, generator: torch.Generator, pad: int, crop: int) -> Tensor:
    count, channels, height, width = images.shape
    pad = min(pad, height - 1, width - 1)  # a reflection has to fit into the image
    padded = functional.pad(images, (pad, pad, pad, pad), mode="reflect")
    offset = _draw(2 * pad + crop + 1, (2, count, 1), generator, images)
    rows = offset[0] + torch.arange(height - crop, device=images.device)  # (N, H)
    columns = offset[1] + torch.arange(width - crop, device=images.device)  # (N, W)
    return padded[
        torch.arange(count, device=images.device)[:, None, None, None],
        torch.arange(channels, device=images.device)[None, :, None, None],
        rows[:, None, :, None],
        columns[:, None, None, :],
    ]


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
