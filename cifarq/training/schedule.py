"""How the learning rate and the images' size change over a run."""

import math


def one_cycle(step: int, total: int, peak: float, *, warm_up: float = 0.25) -> float:
    """Return the learning rate at ``step`` of ``total``: up in a line, down along half a cosine.

    Source: L. Smith and N. Topin 2018 (arXiv:1708.07120); the cosine from the fast.ai library.
    """
    done, warm_up = (step + 1) / total, max(warm_up, 1 / total)
    if done <= warm_up:
        return peak * done / warm_up
    return peak * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up))) / 2


def crop_side(side: int, epoch: int, epochs: int, small_crops: float) -> int:
    """Return how many pixels of a side an epoch learns from: three quarters in the first epochs.

    A step on three quarters of each side costs 9/16 of the arithmetic.

    Args:
        side: the image's, in pixels.
        epoch: from 0.
        epochs: of the run.
        small_crops: share (0-1) of the epochs that learn from smaller crops.

    Source: J. Howard 2018, progressive resizing (DAWNBench); M. Tan and Q. Le 2021
    (arXiv:2104.00298), section 4.
    """
    return side * 3 // 4 if epoch < round(small_crops * epochs) else side
