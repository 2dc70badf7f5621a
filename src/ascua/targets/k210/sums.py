"""The integers with which the CPU adds bytes of two scales."""

from __future__ import annotations

from math import floor, log2

from ascua.targets.k210.block import MOST_BYTE, Affine
from ascua.targets.k210.ops import Runtime, Sum

BITS = 20
"""Of the larger factor: sums of two products stay within 31 bits."""
MORE = MOST_BYTE
"""The most that V3's terms are raised by."""


def sum_of(a: Affine, b: Affine, y: Affine, runtime: Runtime) -> Sum:
    """y = a + b in bytes, within half a step and a hundredth."""
    factors = a.scale / y.scale, b.scale / y.scale
    shift = max(0, min(30, BITS - 1 - floor(log2(max(factors)))))
    a_mul, b_mul = (round(f * 2**shift) for f in factors)
    if runtime == 4:
        return Sum(-a.zero, a_mul, -b.zero, b_mul, shift, y.zero)
    wanted = (y.zero << shift) - a.zero * a_mul - b.zero * b_mul
    return min(
        (_raised(wanted, a_mul, b_mul, i, shift) for i in range(MORE)),
        key=lambda s: abs(_rest(s, wanted)),
    )


def _rest(s: Sum, wanted: int) -> int:
    """How far the constant part of `s` is from the `wanted` one, in units of 2**-shift."""
    return s.a_offset * s.a_mul + s.b_offset * s.b_mul + (s.out_offset << s.shift) - wanted


def _raised(wanted: int, a_mul: int, b_mul: int, i: int, shift: int) -> Sum:
    """With `i` more of a, and of b what comes nearest, so that no term is negative."""
    best = None
    for j in range(MORE if i == 0 else 16):
        constant = i * a_mul + j * b_mul
        out = round((wanted - constant) / (1 << shift))
        s = Sum(i, a_mul, j, b_mul, shift, out)
        if best is None or abs(_rest(s, wanted)) < abs(_rest(best, wanted)):
            best = s
    assert best is not None
    return best
