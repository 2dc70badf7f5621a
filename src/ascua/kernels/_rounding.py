"""Requantisation of one value, in Python's integers: what `fixed.h` is in C."""

from __future__ import annotations

MOST = 2**31 - 1
"""The greatest int32: just below 1 in Q0. Qn has n bits before the binary point."""


def high_mul(a: int, b: int) -> int:
    """a * b / 2**31, half up: the product of a in Qm and b in Qn, in Q(m + n)."""
    return min((a * b + 2**30) >> 31, MOST)


def shift_right(x: int, bits: int) -> int:
    """x / 2**bits, half away from zero."""
    half = 1 << bits >> 1
    return (x + half) >> bits if x >= 0 else -((half - x) >> bits)


def rescale(x: int, multiplier: int, shift: int) -> int:
    """x * multiplier / 2**31 * 2**shift, rounded twice; `shift` is to the left where positive."""
    return shift_right(high_mul(x << max(shift, 0), multiplier), max(-shift, 0))
