"""The numbers that nncase chose, to write files like its own: 0.1.0-rc5 (V3), 0.2.0-beta2 (V4).

rc5 computes in float64 and rounds halves to even, beta2 in float32 and away from zero; names end in
the version of their files. Both give all channels of a layer one zero point: each channel is
stretched until it touches the range of all, which batch normalisation undoes. Ranges are real
numbers (low, high); scales are steps per unit; activations are stretched by a post-scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from ascua.ir import Array
from ascua.kmodel import Activation, Norms
from ascua.kmodel.conv import SEGMENTS
from ascua.targets.k210.block import MOST_BYTE, Block
from ascua.targets.k210.curves import MOST_SHIFT, T_BITS

F = np.float32
Real: TypeAlias = "Array | np.float32 | float"
POST3 = 1024
"""The post-scale of V3."""
START3 = (
    0x800000000, 0xF7D4CF4B8, 0xF8ED5A20C, 0xFA05E4F60, 0xFB2E05BAA, 0xFC46908FE, 0xFD5F1B652,
    0xFE77A63A6, 0xFF9FC6FF0, 0xFFFD4A9B7, 0, *range(0x7FFFFFFF0, 0x7FFFFFFF5),
)  # fmt: skip
"""Where segments begin in every table of V3, as 36 bits hold it."""
OUTSIDE3 = 100.0
"""Greater numbers count for no range of V3."""
MOST4 = 1000.0
"""The greatest end of a range of V4."""
BINS = 2048
"""Of the histogram in which V4's ranges are cut."""
LEAST_BINS = 256
"""Of what is left of a range."""


class Range(NamedTuple):
    """The real numbers that bytes reach from and to."""

    low: float
    high: float


class Quantization(NamedTuple):
    """q = real * scale + zero."""

    scale: float
    zero: int


@dataclass(frozen=True, eq=False)
class Weights:
    """Quantised weights: q = real * stretch of the channel * scale + zero."""

    q: Array
    """uint8 or uint16, like the real ones."""
    stretch: Array
    """(oc,)."""
    scale: float
    zero: int


def fixed3(real: Real, bits: int, most_shift: int) -> tuple[Array, Array]:
    """The nearest mul / 2**shift, mul of `bits` bits with the sign: int64, like `real`."""
    mul, shift = _fixed(np.asarray(real, np.float64), bits, most_shift)
    return np.rint(mul).astype(np.int64), shift


def fixed4(real: Real, bits: int, most_shift: int) -> tuple[Array, Array]:
    """The same as V4 rounds."""
    mul, shift = _fixed(np.asarray(real, F), bits, most_shift)
    return away(mul).astype(np.int64), shift


def _fixed(real: Array, bits: int, most_shift: int) -> tuple[Array, Array]:
    """mul, not rounded yet, and the shift."""
    fraction, e = np.frexp(real)
    large = np.minimum(most_shift, bits - 1 - e)
    small = np.minimum(most_shift + e, bits - 1) - e
    shift = np.where(real == 0, 0, np.where(np.abs(real) > 1, large, small)).astype(np.int64)
    return np.ldexp(fraction, shift + e).astype(real.dtype), shift


def away(real: Real) -> Array:
    """The nearest integers, halves away from zero."""
    rounded: Array = np.copysign(np.floor(np.abs(real) + F(0.5)), real)
    return rounded


def _stretch(low: Array, high: Array) -> Array:
    """By how much each channel can grow: the two bounds are of its least and greatest weight.

    There is none where neither it nor the layer reaches that way.
    """
    low, high = (np.where(np.isnan(bound), np.inf, bound) for bound in (low, high))
    mixed = (low < 0) | (high < 0)
    stretch: Array = np.where(mixed, np.maximum(low, high), np.minimum(low, high))
    return stretch


# 0.1.0-rc5: V3


def range3(values: Array) -> Range:
    """The range of `values`, but for those beyond 100."""
    values = values[np.abs(values) <= OUTSIDE3]
    if not values.size:
        return Range(-6.0, 6.0)
    low, high = float(values.min()), float(values.max())
    return Range(low - 1, high + 1) if low == high else Range(low, high)


def quantization3(r: Range, bits: int = 8) -> Quantization:
    """Of a range, which need not hold 0."""
    scale = ((1 << bits) - 1) / (r.high - r.low)
    return Quantization(scale, -round(r.low * scale))


def weights3(real: Array, bits: int = 8) -> Weights:
    """Of float32 weights (oc, ...)."""
    whole, own = range3(real), [range3(channel) for channel in real]
    with np.errstate(all="ignore"):
        low, high = (
            getattr(whole, end) / np.array([getattr(r, end) for r in own]) for end in Range._fields
        )
        stretch = _stretch(low, high)
    stretched = (real * _wide(stretch, real)).astype(F)
    scale, zero = quantization3(range3(stretched), bits)
    q = np.clip(np.rint(stretched.astype(np.float64) * scale + zero), 0, (1 << bits) - 1)
    return Weights(q.astype(f"u{bits // 8}"), stretch, scale, zero)


def norms3(weights: Weights, bias: Array, x: Range, y: Range) -> Norms:
    """Batch normalisation of V3; channels whose stretch is huge get mul 0."""
    sx, sy = quantization3(x).scale, quantization3(y)
    mul, shift = fixed3(sy.scale * POST3 / (weights.stretch * weights.scale * sx), 22, 15)
    add = np.rint((bias.astype(np.float64) * sy.scale + sy.zero) * POST3).astype(np.int64)
    return Norms(mul, add, shift.astype(np.uint8))


def table3() -> Activation:
    """The table of V3: bytes of t / 1024. ReLU and ReLU6 come of the range of the output alone."""
    segments = np.zeros((3, SEGMENTS), np.int64)
    segments[0, START3.index(0)], segments[1, START3.index(0)] = fixed3(1 / POST3, 16, MOST_SHIFT)
    start = np.array(START3, np.int64)
    start -= (start >> (T_BITS - 1)) << T_BITS
    mul, shift, bias = segments
    return Activation(start, mul.astype(np.int16), shift.astype(np.uint8), bias.astype(np.uint8))


def block3(
    real: Array,
    bias: Array,
    x: Range,
    y: Range,
    *,
    depthwise: bool = False,
    pool: int = 0,
    bits: int = 8,
) -> Block:
    """A convolution of float32 weights (oc, ic, k, k), or (c, 1, k, k), and bias (oc,)."""
    weights, zero = weights3(real, bits), quantization3(x).zero
    arg_x, shr_x = (int(v) for v in fixed3(float(-weights.zero), 24, 15))
    arg_w, shr_w = (int(v) for v in fixed3(float(-zero), 24, 15))
    return Block(
        weights.q, norms3(weights, bias, x, y), table3(), pad_value=zero,
        arg_x=arg_x, shr_x=shr_x, arg_w=arg_w, shr_w=shr_w,
        arg_add=weights.zero * zero * real.shape[2] ** 2, pool=pool, depthwise=depthwise,
    )  # fmt: skip


# 0.2.0-beta2: V4


def range4(values: Array) -> Range:
    """The range of `values` (never empty), as far as V4 takes one."""
    return fixed_up(Range(float(values.min()), float(max(values.max(), np.finfo(F).tiny))))


def fixed_up(r: Range) -> Range:
    """Within 1000, of a width, and with 0 inside."""
    low, high = F(max(r.low, -MOST4)), F(min(r.high, MOST4))
    width = high - low
    if width < F(0.01):
        high = low + (F(0.1) if width == 0 else F(0.01))
    return Range(float(min(low, F(0))), float(max(high, F(0))))


def quantization4(r: Range) -> Quantization:
    """Of a range that holds 0."""
    scale = F(MOST_BYTE) / (F(r.high) - F(r.low))
    return Quantization(float(scale), int(away(-F(r.low) * scale)))


def quantized4(values: Array, r: Range) -> Array:
    """Bytes of float32 `values`."""
    scale, zero = quantization4(r)
    q: Array = np.clip(away(values * F(scale) + F(zero)), 0, MOST_BYTE).astype(np.uint8)
    return q


def weights4(real: Array) -> Weights:
    """Of float32 weights (oc, ...)."""
    whole, own = range4(real), [range4(channel) for channel in real]
    most = F(MOST_BYTE)
    with np.errstate(all="ignore"):
        low, high = (
            (most / np.array([getattr(r, end) for r in own], F)) / (most / F(getattr(whole, end)))
            for end in Range._fields
        )
        stretch = _stretch(low, high)
    stretched = real * _wide(stretch, real)
    r = range4(stretched)
    return Weights(quantized4(stretched, r), stretch, *quantization4(r))


def norms4(weights: Weights, bias: Array, x: Range, y: Range) -> tuple[Norms, float]:
    """Batch normalisation of V4, and its post-scale: near a power of two, so that mul is exact."""
    sx, sy = F(quantization4(x).scale), F(quantization4(y).scale)
    factor = sy / (sx * F(weights.scale))
    mul, shift = (v.item() for v in _fixed(np.asarray(factor), 22, MOST_BYTE))
    post = away(F(mul)) / F(mul) * np.ldexp(F(1), shift - min(shift, 15))
    norm_mul, norm_shift = fixed4(factor * post / weights.stretch, 22, 15)
    add = away(bias * sy * post).astype(np.int64)
    return Norms(norm_mul, add, norm_shift.astype(np.uint8)), float(post)


def table4(pieces: Sequence[tuple[float, float, float]], y: Range, post: float) -> Activation:
    """The table of V4 for an activation in straight pieces: where each begins, slope and value.

    They are those within the range of the output: of ReLU6, one that begins at 0.
    """
    scale, zero = (F(v) for v in quantization4(y))
    half = 1 << (T_BITS - 1)
    segments = [(-half, 0, 0, 0)]
    for start, slope, value in pieces:
        mul, shift = fixed4(F(slope) / F(post), 16, MOST_SHIFT)
        begin = away(F(start) * scale * F(post))
        bias = np.clip(away(F(value) * scale + zero), 0, MOST_BYTE)
        segments.append((int(begin), int(mul), int(shift), int(bias)))
    unused = range(len(segments), SEGMENTS)
    segments += [(half - 1 - SEGMENTS + i, 0, 0, MOST_BYTE) for i in unused]
    starts, muls, shifts, biases = np.array(segments, np.int64).T
    return Activation(
        starts, muls.astype(np.int16), shifts.astype(np.uint8), biases.astype(np.uint8)
    )


def block4(
    real: Array,
    bias: Array,
    x: Range,
    y: Range,
    pieces: Sequence[tuple[float, float, float]],
    *,
    depthwise: bool = False,
    pool: int = 0,
) -> Block:
    """A convolution of float32 weights (oc, ic, k, k), or (c, 1, k, k), and bias (oc,)."""
    weights, zero = weights4(real), quantization4(x).zero
    norms, post = norms4(weights, bias, x, y)
    return Block(
        weights.q, norms, table4(pieces, y, post), pad_value=zero,
        arg_x=-weights.zero, arg_w=-zero, arg_add=weights.zero * zero * real.shape[2] ** 2,
        pool=pool, depthwise=depthwise,
    )  # fmt: skip


def histogram4(values: Array, r: Range) -> Array:
    """How many of `values` are in each of 2048 parts of their range, as floats."""
    low = F(r.low)
    width = (F(r.high) - low) / F(BINS)
    bins = np.clip(((values.reshape(-1) - low) / width).astype(np.int64), 0, BINS - 1)
    return np.bincount(bins, minlength=BINS).astype(np.float64)


def least_squares4(counts: Array, r: Range) -> Range:
    """The part of a range whose 256 levels are nearest to what its histogram holds (l2).

    Of equals the first, from the least `low` and the greatest `high`. In units of a part, which
    begins at its index, the loss for one width is a correlation of the counts with the squared
    distance to the nearest level.
    """
    low = F(r.low)
    width = (F(r.high) - low) / F(BINS)
    zero = int(-low / width)
    found = (np.inf, 0, 0)
    for span in range(LEAST_BINS, BINS + 1):
        lows = np.arange(max(zero - span, 0), min(zero, BINS - span) + 1)
        if not lows.size:
            continue
        distance = np.arange(-lows[-1], BINS - lows[0])
        inside = np.clip(distance, 0, span)
        level = np.rint(inside * MOST_BYTE / span) * span / MOST_BYTE
        losses = np.correlate(np.square(distance - level), counts, "valid")[::-1]
        at = int(np.argmin(losses))
        found = min(found, (float(losses[at]), int(lows[at]), -span))
    _, first, span = found
    return Range(float(low + F(first) * width), float(low + F(first - span) * width))


def _wide(channels: Array, like: Array) -> Array:
    """One value a channel, to multiply with weights."""
    return channels.reshape(-1, *[1] * (like.ndim - 1))
