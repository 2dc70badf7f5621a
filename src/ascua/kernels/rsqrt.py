"""Kernels of RSQRT: one over the square root."""

from __future__ import annotations

import math
from collections.abc import Callable

from ascua.fixed import quantize_multiplier
from ascua.kernels._lut import LutS8
from ascua.kernels._rounding import MOST, high_mul, rescale, shift_right
from ascua.ops.rsqrt import Rsqrt

FINE = 20
"""Bits behind the binary point of the root, before it is rescaled."""

HALF_SQRT_2 = 1518500250
"""In Q0."""


class RsqrtS8(LutS8[Rsqrt]):
    """127 for 0; the zero point is the least value."""

    def function(self, op: Rsqrt) -> Callable[[int], int]:
        zero, out = op.x.q.zero_point, op.y.q.zero_point
        multiplier, shift = quantize_multiplier(1 / (math.sqrt(op.x.q.scale) * op.y.q.scale))

        def value(x: int) -> int:
            if x == zero:
                return 127
            factor, exponent = inverse_root(x - zero)
            root = rescale(1, factor, exponent + FINE)
            return rescale(root, multiplier, shift - FINE) + out

        return value


def inverse_root(x: int) -> tuple[int, int]:
    """Multiplier and shift of 1 / sqrt(x), for x in [1, 2**27): Newton's method in Q3."""
    if x == 1:
        return MOST, 0
    pairs = (29 - x.bit_length()) // 2
    half = shift_right(x << 2 * pairs >> 1, 1)
    root = 1 << 28
    for _ in range(5):
        cube = min(high_mul(high_mul(root, root), root) << 6, MOST)
        # (3 root - x root^3) / 2
        root = (high_mul(3 << 27, root) - high_mul(half, cube)) << 3
    # The shift is never to the left.
    return high_mul(root, HALF_SQRT_2) << max(pairs - 11, 0), min(pairs - 11, 0)
