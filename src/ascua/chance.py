"""What chance alone does: when a share of right answers, or a difference, is more than that."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

SURE = 0.01
"""A p-value below it is evidence."""


def mcnemar(lost: int, won: int) -> float:
    """The two-sided exact p-value of `lost` against `won` changes: a fair coin's."""
    flips, less = lost + won, min(lost, won)
    term = total = 1
    for i in range(less):
        term = term * (flips - i) // (i + 1)
        total += term
    return min(1.0, 2 * total / (1 << flips))


def guessing(labels: NDArray[np.int64]) -> float:
    """The share of `labels` (n,) that whoever always names the most frequent one gets right."""
    return float(np.bincount(labels).max() / len(labels))


def by_chance(right: int, total: int, share: float) -> float:
    """How likely a guesser, right in this `share` of cases, has `right` of `total` or more."""
    if not 0 < share < 1:
        return float(right <= share * total)
    log = math.lgamma(total + 1)
    return min(
        1.0,
        math.fsum(
            math.exp(
                log - math.lgamma(k + 1) - math.lgamma(total - k + 1)
                + k * math.log(share) + (total - k) * math.log1p(-share)
            )
            for k in range(right, total + 1)
        ),
    )  # fmt: skip
