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
    """x / 2**shift, halves up where x >= 0; what is negative is rounded down.

    It looks at one bit below the result only: where that is set, away from zero. A negative
    number has it set wherever it is not a multiple of a half, so all of those go down.
    """
    last = (x >> np.clip(np.asarray(shift) - 1, 0, MOST_SHIFT)) & 1
    up: Array = last * ((x >= 0) & (np.asarray(shift) > 0))
    return floored(x, shift) + up


def half_even(x: Array, shift: Array | int) -> Array:
    """x / 2**shift, halves to the even neighbour."""
    y = floored(x, shift)
    s = np.asarray(np.clip(shift, 0, MOST_SHIFT), np.int64)
    rest = x & ~(np.int64(-1) << s)
    half = np.int64(1) << np.maximum(s - 1, 0)
    up = (rest > half) | ((rest == half) & (y & 1 == 1))
    result: Array = y + (up & (s > 0))
    return np.where(np.asarray(shift) > MOST_SHIFT, 0, result)


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
