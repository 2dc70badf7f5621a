"""How near the outputs of two networks are: one convention for no error, and for no signal."""

from __future__ import annotations

import math

MOST_DB = 200.0
"""Decibels that stand for no error at all, and, negative, for no signal."""


def decibels(signal: float, noise: float) -> float:
    """The energy of a signal beside that of its error, within +-MOST_DB."""
    if noise <= 0:
        return MOST_DB
    if signal <= 0:
        return -MOST_DB
    return min(max(10 * math.log10(signal / noise), -MOST_DB), MOST_DB)


def cosine(aa: float, bb: float, ab: float) -> float:
    """Of the angle between two vectors, by their products: 1 for two of zeros, 0 where one is."""
    if aa > 0 and bb > 0:
        return min(max(ab / math.sqrt(aa * bb), -1.0), 1.0)
    return 1.0 if aa == bb else 0.0
