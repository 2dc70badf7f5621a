"""Right shifts that round, of int64 arrays: what the KPU and the runtimes' integers need.

All intermediates are 64 bits wide, as in the vendor's emulators, and wrap around as two's
complement does: what the silicon does beyond 64 bits is not known. Arrays are never of rank 0, as
NumPy warns of scalars that wrap.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ascua.ir import Array

Rounding = Literal["half-up", "half-even"]
"""How the activation table rounds; it says how segments are compared too (`ActivationTable`)."""

MOST_SHIFT = 63
"""A larger one, of the eight bits that the table has for it, leaves what this one leaves."""


def half_up(x: Array, shift: Array | int) -> Array:
    """x / 2**shift, halves up where x >= 0.

    It looks at one bit below the floored result only, and where that is set goes one away from
    zero. So do the vendor's emulator and runtime: a negative number ends up to two below.
    """
    last = (x >> np.clip(np.asarray(shift) - 1, 0, MOST_SHIFT)) & (np.asarray(shift) > 0)
    away: Array = np.where(x < 0, -last, last)
    return floored(x, shift) + away


def half_even(x: Array, shift: Array | int) -> Array:
    """x / 2**shift, halves to the even neighbour where x >= 0.

    Where a number is rounded at all, it goes one away from zero from the floored result, as in the
    vendor's emulator: of a negative one that is below what rounding would give.
    """
    y = floored(x, shift)
    s = np.asarray(np.clip(shift, 0, MOST_SHIFT), np.int64)
    rest = x & ~(np.int64(-1) << s)
    half = np.int64(1) << np.maximum(s - 1, 0)
    up = (rest > half) | ((rest == half) & (y & 1 == 1))
    away = np.where(x < 0, -1, 1) * (up & (s > 0))
    beyond = np.where(x < 0, -2, 0)
    return np.where(np.asarray(shift) > MOST_SHIFT, beyond, y + away)


def floored(x: Array, shift: Array | int) -> Array:
    """x >> shift, for any shift."""
    y: Array = x >> np.minimum(shift, MOST_SHIFT)
    return y


def scaled32(x: Array, mul: int, shift: int) -> Array:
    """(x * mul + half) >> shift, reduced to int32: the scaling of nncase 0.2, `shift` in 0..63."""
    half = (1 << shift) >> 1
    return ((x * mul + half) >> shift).astype(np.int32).astype(np.int64)


def clip8(x: Array) -> Array:
    """The nearest byte to each integer."""
    byte: Array = np.clip(x, 0, 255).astype(np.uint8)
    return byte


ROUNDINGS = {"half-up": half_up, "half-even": half_even}
