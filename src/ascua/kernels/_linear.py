"""Sums of two int8 values, each with a factor, found to round as TFLM does on every pair."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ascua.ir import Array

VALUES = np.arange(-128, 128, dtype=np.int64)
"""Every int8 value: the rows, and the columns, of a table of all pairs."""

STEPS = sorted(
    ((i, j) for i in range(-4, 5) for j in range(-4, 5)), key=lambda s: abs(s[0]) + abs(s[1])
)
"""What is tried beside the nearest factors. Both a little greater round halves away from zero."""

NEVER = 2**40
"""Beyond every sum."""


class Linear(NamedTuple):
    """The function (a * a_factor + b * b_factor + add) >> shift, which never leaves int32."""

    a_factor: int
    b_factor: int
    add: int
    shift: int


def linear(wanted: Array, a: float, b: float, low: int, high: int) -> Linear | None:
    """The function that is `wanted` [256][256] of all pairs of int8, both clipped to [low, high].

    It is about the sum of the real factors a and b times the values. None where there is none.
    """
    y = np.clip(wanted, low, high)
    # The farthest sum: two zero points and a value each, the output's zero point, and a half.
    shift = math.floor(math.log2(2**31 / (256 * (abs(a) + abs(b) + 1))))
    if not 1 <= shift <= 30:
        return None
    scale = 1 << shift
    # A sum is right from `least` on and below `beyond`; at the ends there is but one bound.
    least = np.where(y > low, y << shift, -NEVER)
    beyond = np.where(y < high, (y + 1) << shift, NEVER)
    for i, j in STEPS:
        factors = round(a * scale) + i, round(b * scale) + j
        sums = VALUES[:, None] * factors[0] + VALUES * factors[1]
        first, last = int((least - sums).max()), int((beyond - sums).min()) - 1
        if first <= last:
            add = (max(first, -(2**31)) + min(last, 2**31 - 1)) // 2
            if max(abs(int(sums.min()) + add), abs(int(sums.max()) + add)) < 2**31:
                return Linear(*factors, add, shift)
    return None
