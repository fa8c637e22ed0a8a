"""From what an activation was seen to hold to the range it is quantized over: four methods.

``minmax`` clips nothing. ``percentile`` clips a hundred-thousandth of the values. ``entropy`` clips
where the quantized distribution tells most of the original one. ``mse`` clips where rounding and
clipping together are the smallest squared error.

Source: S. Migacz 2017, 8-bit Inference with TensorRT (entropy).
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

VERSION = 1
"""Part of the cache's key: to be raised when a method changes."""

PERCENT = 99.999
BINS = 2048
SHARES = np.linspace(1, 0.3, 15)
"""Of the largest value seen: where ``mse`` may clip."""
LEVELS = 128
"""Positive levels of a signed 8-bit code."""

_NARROW = 1e-30
"""Below this the edges of bins would fall together: such a range is kept as it is."""

Batches = Callable[[], Iterable[Mapping[str, NDArray[np.float32]]]]
"""Gives, each time it is called, the values of every tensor, a batch at a time."""

Limits = dict[str, tuple[float, float]]


def minmax(batches: Batches) -> Limits:
    """Return the smallest and largest value of each tensor."""
    limits: Limits = {}
    for batch in batches():
        for name, values in batch.items():
            low, high = limits.get(name, (np.inf, -np.inf))
            # NaN is kept: minimum and maximum hand it on, min and max would hide it.
            limits[name] = (
                float(np.minimum(low, values.min())),
                float(np.maximum(high, values.max())),
            )
    return limits


def percentile(batches: Batches) -> Limits:
    """Return, for each tensor, the range that leaves out the rarest values at either end."""
    extremes = minmax(batches)
    counts = _histograms(batches, extremes)
    return {
        name: percentile_limits(counts[name], *extremes[name]) if name in counts else limits
        for name, limits in extremes.items()
    }


def entropy(batches: Batches) -> Limits:
    """Return, for each tensor, the range clipped where least information is lost."""
    extremes = minmax(batches)
    magnitudes = {name: (0.0, max(-low, high)) for name, (low, high) in extremes.items()}
    counts = _histograms(batches, magnitudes, np.abs)
    clipped = {}
    for name, (low, high) in extremes.items():
        top = magnitudes[name][1]
        if name in counts:
            top *= entropy_bins(counts[name], LEVELS if low < 0 else 2 * LEVELS) / BINS
        clipped[name] = (max(low, -top), min(high, top))
    return clipped


def mse(batches: Batches) -> Limits:
    """Return, for each tensor, the range whose rounding and clipping lose least."""
    extremes = minmax(batches)
    counts = _histograms(batches, extremes)
    return {
        name: least_error(counts[name], *limits) if name in counts else limits
        for name, limits in extremes.items()
    }


METHODS: dict[str, Callable[[Batches], Limits]] = {
    "minmax": minmax,
    "percentile": percentile,
    "entropy": entropy,
    "mse": mse,
}
ALTERNATIVES = ("mse", "percentile")
"""What is tried where minmax loses too much, the most promising first. Entropy is left out: it was
best on none of five networks, and on one it kept 8 points less of FP32's classes than minmax does
(benchmarks/results/recovery.md)."""

PASSES = {"minmax": 1, "percentile": 2, "entropy": 2, "mse": 2}


def percentile_limits(counts: NDArray[np.int64], low: float, high: float) -> tuple[float, float]:
    """Return the edges that leave at most (100 - PERCENT) % of the values outside, in all.

    Args:
        counts: (bins,) how many values fell into each of equal bins from ``low`` to ``high``.
        low: the first bin's lower edge.
        high: the last bin's upper edge.
    """
    share = np.cumsum(counts) / counts.sum()
    outside = (1 - PERCENT / 100) / 2
    first = int(np.searchsorted(share, outside, side="right"))
    last = int(np.searchsorted(share, 1 - outside, side="left"))
    width = (high - low) / len(counts)
    return low + first * width, low + (min(last, len(counts) - 1) + 1) * width


def least_error(counts: NDArray[np.int64], low: float, high: float) -> tuple[float, float]:
    """Return the edges, each a share of what was seen, that give the smallest squared error.

    A value inside is rounded: a twelfth of a step squared, on average. One outside is clipped.

    Args:
        counts: (bins,) how many values fell into each of equal bins from ``low`` to ``high``.
        low: the first bin's lower edge.
        high: the last bin's upper edge.
    """
    edges = np.linspace(low, high, len(counts) + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    best, least = (low, high), np.inf
    for bottom in low * SHARES if low < 0 else (low,):
        for top in high * SHARES if high > 0 else (high,):
            rounded = ((top - bottom) / (2 * LEVELS - 1)) ** 2 / 12
            clipped = (middles - np.clip(middles, bottom, top)) ** 2
            error = float((counts * np.where(clipped > 0, clipped, rounded)).sum())
            if error < least:
                best, least = (float(bottom), float(top)), error
    return best


def entropy_bins(counts: NDArray[np.int64], levels: int) -> int:
    """Return how many of the bins to keep: the number that minimises the divergence.

    The candidates' distribution holds what is clipped in its last bin; the quantized one spreads
    each of ``levels`` groups evenly over its occupied bins. Compared by Kullback and Leibler.

    Args:
        counts: (bins,) of magnitudes, from 0.
        levels: codes for positive values.
    """
    best, fewest = len(counts), np.inf
    # Zeros are exact in every code: the many that ReLU makes say nothing of where to clip.
    counts = counts.copy()
    counts[0] = counts[1]
    for kept in range(levels, len(counts) + 1, 8):
        inside = counts[:kept].astype(np.float64)
        wanted = inside.copy()
        wanted[-1] += counts[kept:].sum()
        group = np.arange(kept) * levels // kept
        occupied = inside > 0
        totals = np.bincount(group, inside, levels)
        members = np.bincount(group, occupied, levels)
        spread = np.where(occupied, (totals / np.maximum(members, 1))[group], 0)
        divergence = _divergence(wanted, spread)
        if divergence < fewest:
            best, fewest = kept, divergence
    return best


def _divergence(wanted: NDArray[np.float64], given: NDArray[np.float64]) -> float:
    """Return the Kullback-Leibler divergence of two histograms; infinite where one is empty."""
    if not given.sum() or not wanted.sum():
        return float("inf")
    p = wanted / wanted.sum()
    q = np.maximum(given / given.sum(), 1e-12)
    held = p > 0
    return float((p[held] * np.log(p[held] / q[held])).sum())


def _histograms(
    batches: Batches,
    edges: Limits,
    of: Callable[[NDArray[np.float32]], NDArray[np.float32]] = lambda values: values,
) -> dict[str, NDArray[np.int64]]:
    """Count the values of each tensor in ``BINS`` bins; one whose range is a point has none."""
    histograms: dict[str, NDArray[np.int64]] = {}
    for batch in batches():
        for name, values in batch.items():
            low, high = edges[name]
            if not np.isfinite((low, high)).all() or high - low < _NARROW:
                continue
            counts, _ = np.histogram(of(values), BINS, (low, high))
            histograms[name] = histograms.get(name, np.zeros(BINS, np.int64)) + counts
    return histograms
