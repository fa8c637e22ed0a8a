"""Augmentation of photographs: what they show is of any size and lies anywhere in the image."""

import math

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

from cifarq.training.augment import Draw

_LEAST_AREA = 0.25
"""Of the image that a crop shows. Images are stored in the model's size: smaller ones blur."""

_MOST_OBLONG = 4 / 3

_STEPS = 2**24
"""Into which 0 to 1 is divided for a draw: as many as float32 tells apart."""


def resized_crops(images: Tensor, mirrored: Tensor, draw: Draw, side: int) -> Tensor:
    """Crop each image at random, scale the crop, and mirror it.

    Args:
        images: (N, C, H, W) uint8; not changed.
        mirrored: (N,) bool, which ones are mirrored.
        draw: where crops come from; see ``augment.draw_from``.
        side: pixels of the result's sides.

    Returns:
        (N, C, side, side) uint8 on the same device, scaled bilinearly with antialiasing.

    Source: C. Szegedy et al. 2014 (arXiv:1409.4842), section 6; torchvision's RandomResizedCrop,
    with its ratios of 3/4 to 4/3 and a least area of 1/4 instead of 8 %.
    """
    boxes = draw_boxes(draw, (images.shape[2], images.shape[3]))
    crops = [
        functional.resized_crop(image, *box, [side, side], antialias=True)
        for image, box in zip(images, boxes.tolist(), strict=True)
    ]
    stacked = torch.stack(crops)
    return torch.where(mirrored.to(images.device)[:, None, None, None], stacked.flip(-1), stacked)


def draw_boxes(draw: Draw, size: tuple[int, int]) -> Tensor:
    """Draw where crops lie: (N, 4) int64, of each the top, left, height and width in pixels.

    Args:
        draw: a number for each image.
        size: height and width of the images.
    """
    limit = torch.tensor(size)
    area, shape, *corner = (draw(_STEPS) / _STEPS for _ in range(4))
    area = (_LEAST_AREA + (1 - _LEAST_AREA) * area) * limit.prod()
    ratio = torch.exp((2 * shape - 1) * math.log(_MOST_OBLONG))
    sides = torch.stack([(area / ratio).sqrt(), (area * ratio).sqrt()], dim=1)
    sides = sides.round().long().clamp(min=1).minimum(limit)
    room = limit - sides + 1
    corners = (torch.stack(corner, dim=1) * room).long().minimum(room - 1)
    return torch.cat([corners, sides], dim=1)
