"""The numbers of nncase 0.1.0-rc5, for V3."""

from __future__ import annotations

import numpy as np

from ascua.ir import Array
from ascua.kmodel import Activation, Norms
from ascua.kmodel.conv import SEGMENTS
from ascua.quantize.rules import Range
from ascua.targets.k210.block import MOST_BYTE, Affine, Block
from ascua.targets.k210.curves import MOST_SHIFT, T_BITS
from ascua.targets.k210.fused import Kernel
from ascua.targets.k210.nncase.numbers import (
    Quantization,
    Weights,
    checked,
    fixed,
    stretched,
    wide,
)

POST = 1024
"""By how much activations are stretched before the table."""
STARTS = (
    0x800000000, 0xF7D4CF4B8, 0xF8ED5A20C, 0xFA05E4F60, 0xFB2E05BAA, 0xFC46908FE, 0xFD5F1B652,
    0xFE77A63A6, 0xFF9FC6FF0, 0xFFFD4A9B7, 0, *range(0x7FFFFFFF0, 0x7FFFFFFF5),
)  # fmt: skip
"""Where segments begin in every table, as 36 bits hold it."""
OUTSIDE = 100.0
"""Greater numbers count for no range."""
MEMORY = 0.99
"""The part of a range that stays at each image; the first one sets it."""


def rounded(real: Array | float, bits: int, most_shift: int) -> tuple[Array, Array]:
    """The nearest mul / 2**shift, mul of `bits` bits with the sign: int64, like `real`."""
    mul, shift = fixed(np.asarray(real, np.float64), bits, most_shift)
    return np.rint(mul).astype(np.int64), shift


def range_of(values: Array) -> Range:
    """The range of `values`, but for those beyond 100."""
    values = values[np.abs(values) <= OUTSIDE]
    if not values.size:
        return Range(-6.0, 6.0)
    low, high = float(values.min()), float(values.max())
    return Range(low - 1, high + 1) if low == high else Range(low, high)


def moved(old: Range | None, new: Range) -> Range:
    """A range behind one more image, whose own is `new`."""
    if old is None:
        return new
    low, high = (MEMORY * a + (1 - MEMORY) * b for a, b in zip(old, new, strict=True))
    return Range(low, high)


def quantization(r: Range, bits: int = 8) -> Quantization:
    """Of a range, which need not hold 0."""
    scale = ((1 << bits) - 1) / (r.high - r.low)
    return Quantization(scale, -round(r.low * scale))


def weights_of(real: Array, bits: int = 8) -> Weights:
    """Of float32 weights (oc, ...)."""
    whole, own = range_of(real), [range_of(channel) for channel in real]
    with np.errstate(all="ignore"):
        low, high = (
            getattr(whole, end) / np.array([getattr(r, end) for r in own]) for end in Range._fields
        )
        stretch = stretched(low, high)
        grown = (real * wide(stretch, real)).astype(np.float32)
    scale, zero = quantization(range_of(grown), bits)
    q = np.clip(np.rint(grown.astype(np.float64) * scale + zero), 0, (1 << bits) - 1)
    return Weights(q.astype(f"u{bits // 8}"), stretch, scale, zero)


def norms(weights: Weights, bias: Array, x: Quantization, y: Quantization) -> Norms:
    """Batch normalisation; channels whose stretch is huge get mul 0."""
    with np.errstate(all="ignore"):
        mul, shift = rounded(y.scale * POST / (weights.stretch * weights.scale * x.scale), 22, 15)
    add = np.rint((bias.astype(np.float64) * y.scale + y.zero) * POST).astype(np.int64)
    return Norms(mul, add, shift.astype(np.uint8))


def table() -> Activation:
    """The table of every layer: bytes of t / 1024. ReLU is the range of the output, no more."""
    segments = np.zeros((3, SEGMENTS), np.int64)
    segments[0, STARTS.index(0)], segments[1, STARTS.index(0)] = rounded(1 / POST, 16, MOST_SHIFT)
    start = np.array(STARTS, np.int64)
    start -= (start >> (T_BITS - 1)) << T_BITS
    mul, shift, bias = segments
    return Activation(start, mul.astype(np.int16), shift.astype(np.uint8), bias.astype(np.uint8))


def block(kernel: Kernel, x: Affine, y: Affine, *, pool: int = 0, bits: int = 8) -> Block:
    """A convolution of float32 weights; of 1x1, which pads nothing, `x.zero` may be no byte.

    Raises ValueError where a number has no room.
    """
    weights = weights_of(kernel.weights, bits)
    arg_x, shr_x = (int(v) for v in rounded(float(-weights.zero), 24, 15))
    arg_w, shr_w = (int(v) for v in rounded(float(-x.zero), 24, 15))
    made = Block(
        weights.q, norms(weights, kernel.bias, Quantization.of(x), Quantization.of(y)), table(),
        pad_value=min(MOST_BYTE, max(0, x.zero)) if kernel.k == 1 else x.zero,
        arg_x=arg_x, shr_x=shr_x, arg_w=arg_w, shr_w=shr_w,
        arg_add=weights.zero * x.zero * kernel.k**2, pool=pool, depthwise=kernel.depthwise,
    )  # fmt: skip
    return checked(made, weights)
