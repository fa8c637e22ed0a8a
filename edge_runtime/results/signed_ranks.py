"""A ratio of pairs whose noise has long tails: its interval counts ranks and assumes no shape.

Where other programs come and go, a few rounds are far from the rest, and an interval from their
standard deviation is as wide as those. Two turns of a round come in random order, so the logarithm
of their ratio is as likely above the true one as below it, by as much: that is all that is assumed.
"""

import math
from collections.abc import Sequence
from statistics import median

from edge_runtime.results.statistics import Z95, Estimate

FEWEST = 6
"""With fewer pairs no interval has 95 %: two of five pairs' 32 signs are the most extreme."""

_EXACT = 50
"""Up to so many pairs the ranks' distribution is counted; beyond, the normal one is as good."""


def paired_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Estimate:
    """Return the ratio of pairs, with an interval of 95 % or a little more.

    The value is the Hodges-Lehmann estimate: the median of the means of all pairs of logarithms.

    Args:
        numerators: N positive numbers, N at least ``FEWEST``.
        denominators: N positive numbers, in the same order.

    Raises:
        ValueError: there are fewer.

    Source: F. Wilcoxon 1945, Biometrics Bulletin 1:80-83; J. Hodges and E. Lehmann 1963, Annals of
        Mathematical Statistics 34:598-611; J. Tukey 1949 for the interval.
    """
    logs = [math.log(a) - math.log(b) for a, b in zip(numerators, denominators, strict=True)]
    if len(logs) < FEWEST:
        raise ValueError(f"an interval needs at least {FEWEST} pairs")
    means = sorted((one + other) / 2 for i, one in enumerate(logs) for other in logs[i:])
    cut = critical_value(len(logs))
    return Estimate(*map(math.exp, (median(means), means[cut], means[-1 - cut])))


def critical_value(pairs: int) -> int:
    """Return the largest sum of ranks that 2.5 % of all signs or fewer come to, or to less.

    Args:
        pairs: at least ``FEWEST``.
    """
    if pairs > _EXACT:
        middle = pairs * (pairs + 1) / 4
        deviation = math.sqrt(pairs * (pairs + 1) * (2 * pairs + 1) / 24)
        return math.floor(middle - Z95 * deviation - 0.5)
    ways = [1]  # in how many ways the ranks so far, each taken or not, come to each sum
    for rank in range(1, pairs + 1):
        longer = ways + [0] * rank
        for total, count in enumerate(ways):
            longer[total + rank] += count
        ways = longer
    within, total = 0, -1
    while 40 * (within + ways[total + 1]) <= 2**pairs:
        total += 1
        within += ways[total]
    return total
