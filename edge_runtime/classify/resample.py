"""From an image of any size to the size that a model takes, with numpy alone.

What training and exporting do with Pillow: scale the shorter side, crop the centre. To the bit, so
that a model is asked about the very pixels it was trained and checked on;
from Pillow 13 on images over twice as high as wide may differ by 1 of 255, for it then scales the
other axis first (python-pillow/Pillow#9549).

Source: Pillow, src/libImaging/Resample.c: a triangle filter, as wide as the reduction; one axis
after the other, horizontal first, rounded to bytes between; fixed-point weights of 22 bits.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BITS = 22  # of a weight, after the binary point
_HALF = float(1 << (_BITS - 1))
_BLOCK = 8  # outputs a product: neighbours share inputs, distant ones would multiply zeros
# Multiplications a product. OpenBLAS gives larger ones to a thread for each core, which would fight
# with the engine's. It keeps small what is held in float64, too, whatever a photograph's size.
# Source: OpenBLAS, interface/gemm.c: SMP_THRESHOLD_MIN * GEMM_MULTITHREAD_THRESHOLD.
_PRODUCT = 65536 * 4


@dataclass(frozen=True)
class Block:
    """Neighbouring outputs: ``weights`` (outputs, stop - start) of the inputs start to stop.

    The weights are whole numbers in float64, of which sums over bytes are exact in any order: the
    fastest product of matrices gives the same bits everywhere.
    """

    weights: NDArray[np.float64]
    start: int
    stop: int


@dataclass(frozen=True)
class Axis:
    """How one axis is scaled and cropped: blocks in order, over inputs ``start`` to ``stop``."""

    blocks: tuple[Block, ...]
    start: int
    stop: int


def fit(
    image: NDArray[np.uint8], height: int, width: int, shorter: int | None
) -> NDArray[np.uint8]:
    """Scale an image's shorter side, and crop its centre.

    Args:
        image: (C, H, W) uint8; H and W at least 1.
        height: of the result.
        width: of the result.
        shorter: what the shorter side is scaled to, at least ``height`` and ``width``. None: an
            image of the right size is taken as it is, and another is scaled to the larger of them.

    Returns:
        (C, height, width) uint8; ``image`` itself where there is nothing to do.
    """
    high, wide = image.shape[1:]
    if shorter is None:
        if (high, wide) == (height, width):
            return image
        shorter = max(height, width)
    scaled_wide, scaled_high = (int(shorter * side / min(wide, high)) for side in (wide, high))
    left, top = round((scaled_wide - width) / 2), round((scaled_high - height) / 2)
    across = axis(wide, scaled_wide, left, width)
    down = axis(high, scaled_high, top, height)
    narrow = _horizontal(image[:, down.start : down.stop], across)
    return _vertical(narrow, down)


@functools.lru_cache(maxsize=64)  # a camera's frames are all of one size
def axis(size: int, scaled: int, start: int, count: int) -> Axis:
    """Return how the pixels from ``start`` on are made where ``size`` of them become ``scaled``.

    Only the ``count`` that remain after cropping are computed.
    """
    rows = list(_weights(size, scaled, range(start, start + count)))
    blocks = []
    for first in range(0, count, _BLOCK):
        some = rows[first : first + _BLOCK]
        low, high = some[0][0], max(start + len(weights) for start, weights in some)
        matrix = np.zeros((len(some), high - low))
        for row, (start, weights) in zip(matrix, some, strict=True):
            row[start - low : start - low + len(weights)] = weights
        blocks.append(Block(matrix, low, high))
    return Axis(tuple(blocks), blocks[0].start, max(block.stop for block in blocks))


def _weights(size: int, scaled: int, outputs: range) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield for each output its first input, and the weights from there on."""
    scale = size / scaled
    reach = max(scale, 1.0)  # how far the triangle extends; enlarging interpolates two neighbours
    for output in outputs:
        centre = (output + 0.5) * scale
        low = max(int(centre - reach + 0.5), 0)
        high = min(int(centre + reach + 0.5), size)
        distances = np.abs((np.arange(low, high) - centre + 0.5) * (1.0 / reach))
        weights = np.maximum(1.0 - distances, 0.0)
        total = np.add.accumulate(weights)[-1]  # one after the other, as C adds: `sum` does not
        yield low, np.floor(0.5 + weights / total * (1 << _BITS))


def _horizontal(image: NDArray[np.uint8], across: Axis) -> NDArray[np.uint8]:
    """Return (C, H, W) scaled along W."""
    channels, high, _ = image.shape
    scaled = np.empty((channels, high, _outputs(across)), np.uint8)
    done = 0
    for block in across.blocks:
        end, rows = done + len(block.weights), _fitting(block, channels)
        for top in range(0, high, rows):
            strip = image[:, top : top + rows, block.start : block.stop]
            # In C order, which a frame (H, W, C) seen as (C, H, W) is not: BLAS asks for it.
            values = np.ascontiguousarray(strip, dtype=np.float64).reshape(-1, strip.shape[2])
            sums = (values @ block.weights.T).reshape(channels, -1, end - done)
            scaled[:, top : top + rows, done:end] = _bytes(sums)
        done = end
    return scaled


def _vertical(image: NDArray[np.uint8], down: Axis) -> NDArray[np.uint8]:
    """Return (C, H, W) scaled along H; its first row is the input ``down.start``."""
    channels, _, wide = image.shape
    scaled = np.empty((channels, _outputs(down), wide), np.uint8)
    done = 0
    for block in down.blocks:
        end, columns = done + len(block.weights), _fitting(block, 1)
        for left in range(0, wide, columns):
            lines = slice(block.start - down.start, block.stop - down.start)
            values = image[:, lines, left : left + columns].astype(np.float64)
            scaled[:, done:end, left : left + columns] = _bytes(block.weights @ values)
        done = end
    return scaled


def _fitting(block: Block, channels: int) -> int:
    """Return how many rows of so many channels a product takes."""
    return max(1, _PRODUCT // (block.weights.size * channels))


def _outputs(axis: Axis) -> int:
    return sum(len(block.weights) for block in axis.blocks)


def _bytes(sums: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return weighted sums as bytes; none is below 0, and rounding may pass 255 a little."""
    sums += _HALF
    sums *= 1 / (1 << _BITS)  # a power of 2: exact
    return np.minimum(sums, 255, out=sums).astype(np.uint8)  # which cuts off what is left
