"""The integer arithmetic of requantisation, as TFLM's reference kernels compute it.

The rounding is *double rounding* (gemmlowp): a rounding doubling high multiplication, half up,
then a rounding right shift, half away from zero. Sums of int16 layers, of 64 bits, take another
way, and LiteRT's uint8 fully connected layer rounds once. `kernels/fixed.h` and `kernels/wide.h`
are the C twins. All functions take and return arrays of int64 that hold int32 values, but for those
sums.
"""

from __future__ import annotations

import math

import numpy as np

from ascua.ir import Array


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Split a real factor >= 0 into (multiplier, shift): real ~ multiplier / 2**31 * 2**shift.

    `multiplier` is 0 or in [2**30, 2**31); `shift` > 0 is to the left, and within [-31, 30].
    """
    if real == 0.0:
        return 0, 0
    if real == math.inf:  # of scales in single precision
        return 2**31 - 1, 30
    fraction, shift = math.frexp(real)
    multiplier = math.floor(fraction * 2**31 + 0.5)
    if multiplier == 2**31:
        multiplier //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    if shift > 30:
        return 2**31 - 1, 30
    return multiplier, shift


def wrap32(x: Array) -> Array:
    """Reduce to int32 as two's complement does."""
    return np.asarray(x).astype(np.int32).astype(np.int64)


def rounding_doubling_high_mul(a: Array, b: Array | int) -> Array:
    """round(a * b / 2**31), half up, saturated where both are -2**31."""
    doubled: Array = (np.asarray(a * b, np.int64) + 2**30) >> 31
    return np.minimum(doubled, 2**31 - 1)


def rounding_divide_by_pot(x: Array, exponent: Array | int) -> Array:
    """round(x / 2**exponent), half away from zero; exponent in [0, 31]."""
    exponent = np.asarray(exponent, np.int64)
    half = (np.int64(1) << exponent) >> 1
    rounded: Array = (x + half - ((x < 0) & (exponent > 0))) >> exponent
    return rounded


def multiply_rounded_once(x: Array, multiplier: Array | int, shift: Array | int) -> Array:
    """x * multiplier / 2**31 * 2**shift, rounded half up at the end; x holds int32 values."""
    right = 31 - np.asarray(shift, np.int64)
    rounded: Array = (np.asarray(x * multiplier, np.int64) + (np.int64(1) << (right - 1))) >> right
    return rounded


def multiply_by_quantized_multiplier(
    x: Array, multiplier: Array | int, shift: Array | int
) -> Array:
    """x * multiplier / 2**31 * 2**shift with double rounding; x holds int32 values."""
    shift = np.asarray(shift, np.int64)
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    x = wrap32(np.asarray(x, np.int64) << left)
    return rounding_divide_by_pot(rounding_doubling_high_mul(x, multiplier), right)


def wide_factor(multiplier: Array | int, shift: Array | int) -> tuple[Array, Array]:
    """The factor of 64-bit sums: 15 bits of the multiplier, rounded, and the shift to the right.

    That is x * factor / 2**down; `shift` is within [-31, 7], and `down` then in [8, 46].
    """
    factor = np.minimum((np.asarray(multiplier, np.int64) + 2**15) >> 16, 2**15 - 1)
    return factor, 15 - np.asarray(shift, np.int64)


def multiply_wide(x: Array, multiplier: Array | int, shift: Array | int) -> Array:
    """x * multiplier / 2**31 * 2**shift, half up, of sums below 2**47; reduced to int32."""
    factor, down = wide_factor(multiplier, shift)
    return wrap32((x * factor + (np.int64(1) << (down - 1))) >> down)
