"""The numbers of nncase 0.2.0-beta2, for V4."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeAlias

import numpy as np

from ascua.ir import Array
from ascua.kmodel import Activation, Norms
from ascua.kmodel.conv import SEGMENTS
from ascua.quantize.rules import Range
from ascua.targets.k210.block import MOST_BYTE, Affine, Block
from ascua.targets.k210.curves import MOST_SHIFT, T_BITS, Curve
from ascua.targets.k210.fused import Kernel
from ascua.targets.k210.nncase.numbers import (
    Quantization,
    Weights,
    checked,
    fixed,
    stretched,
    wide,
)

F = np.float32
Real: TypeAlias = "Array | np.float32 | float"
MOST = 1000.0
"""The greatest end of a range."""
BINS = 2048
"""Of the histogram in which ranges are cut."""
LEAST_BINS = 256
"""Of what is left of a range."""


def rounded(real: Real, bits: int, most_shift: int) -> tuple[Array, Array]:
    """The nearest mul / 2**shift, mul of `bits` bits with the sign: int64, like `real`."""
    mul, shift = fixed(np.asarray(real, F), bits, most_shift)
    return away(mul).astype(np.int64), shift


def away(real: Real) -> Array:
    """The nearest integers, halves away from zero, in the type of `real`."""
    exact = np.asarray(real, np.float64)
    whole = np.trunc(exact + np.copysign(0.5, exact))
    return np.asarray(whole, np.asarray(real).dtype)


def range_of(values: Array) -> Range:
    """The range of `values` (never empty), as far as one is taken."""
    return fixed_up(Range(float(values.min()), float(max(values.max(), np.finfo(F).tiny))))


def fixed_up(r: Range) -> Range:
    """Within 1000, of a width, and with 0 inside."""
    low, high = F(max(r.low, -MOST)), F(min(r.high, MOST))
    width = high - low
    if width < F(0.01):
        high = low + (F(0.1) if width == 0 else F(0.01))
    return Range(float(min(low, F(0))), float(max(high, F(0))))


def quantization(r: Range) -> Quantization:
    """Of a range that holds 0."""
    scale = F(MOST_BYTE) / (F(r.high) - F(r.low))
    return Quantization(float(scale), int(away(-F(r.low) * scale)))


def quantized(values: Array, r: Range) -> Array:
    """Bytes of float32 `values`."""
    scale, zero = quantization(r)
    q: Array = np.clip(away(values * F(scale) + F(zero)), 0, MOST_BYTE).astype(np.uint8)
    return q


def weights_of(real: Array) -> Weights:
    """Of float32 weights (oc, ...)."""
    whole, own = range_of(real), [range_of(channel) for channel in real]
    most = F(MOST_BYTE)
    with np.errstate(all="ignore"):
        low, high = (
            (most / np.array([getattr(r, end) for r in own], F)) / (most / F(getattr(whole, end)))
            for end in Range._fields
        )
        stretch = stretched(low, high)
        grown = real * wide(stretch, real)
    r = range_of(grown)
    return Weights(quantized(grown, r), stretch, *quantization(r))


def norms(weights: Weights, bias: Array, x: Quantization, y: Quantization) -> tuple[Norms, float]:
    """Batch normalisation, and its post-scale: near a power of two, so that mul is exact."""
    sx, sy = F(x.scale), F(y.scale)
    factor = sy / (sx * F(weights.scale))
    mul, shift = (v.item() for v in fixed(np.asarray(factor), 22, MOST_BYTE))
    post = away(F(mul)) / F(mul) * np.ldexp(F(1), shift - min(shift, 15))
    with np.errstate(all="ignore"):
        norm_mul, norm_shift = rounded(factor * post / weights.stretch, 22, 15)
    add = away(bias * sy * post).astype(np.int64)
    return Norms(norm_mul, add, norm_shift.astype(np.uint8)), float(post)


def pieces(curve: Curve, y: Affine) -> list[tuple[float, float, float]]:
    """Where each straight piece of a curve begins, its slope and value, within the bytes of `y`.

    Of ReLU6, it is one that begins at 0. None falls.
    """
    found: list[tuple[float, float, float]] = []
    corners = curve.corners or (0.0,)
    for a, b in pairwise((-np.inf, *corners, np.inf)):
        p, q = a if np.isfinite(a) else b - 1, b if np.isfinite(b) else a + 1
        at_p, at_q = np.asarray(curve.function(np.array([p, q]))).tolist()
        slope, start = (at_q - at_p) / (q - p), a
        if slope and (at_p < y.low or not np.isfinite(a)):
            start = p + (y.low - at_p) / slope
        value = at_p + slope * (start - p) if slope else at_p
        goes_on = bool(found) and found[-1][1] == slope
        if start < b and np.isfinite(start) and value < y.high - y.scale / 2 and not goes_on:
            found.append((start, slope, value))
    return found


def table(straight: list[tuple[float, float, float]], y: Quantization, post: float) -> Activation:
    """The table of an activation in straight pieces; before the first it has the value there."""
    scale, zero = (F(v) for v in y)
    half = 1 << (T_BITS - 1)
    segments = []
    for start, slope, value in straight:
        mul, shift = rounded(F(slope) / F(post), 16, MOST_SHIFT)
        begin = away(F(start) * scale * F(post))
        bias = np.clip(away(F(value) * scale + zero), 0, MOST_BYTE)
        segments.append((int(begin), int(mul), int(shift), int(bias)))
    segments.insert(0, (-half, 0, 0, segments[0][-1]))
    unused = range(len(segments), SEGMENTS)
    segments += [(half - 1 - SEGMENTS + i, 0, 0, MOST_BYTE) for i in unused]
    starts, muls, shifts, biases = np.array(segments, np.int64).T
    return Activation(
        starts, muls.astype(np.int16), shifts.astype(np.uint8), biases.astype(np.uint8)
    )


def block(kernel: Kernel, x: Affine, y: Affine, curve: Curve, *, pool: int = 0) -> Block:
    """A convolution of float32 weights, and a curve in straight pieces.

    Raises ValueError where a number has no room.
    """
    weights, steps = weights_of(kernel.weights), Quantization.of(y)
    normed, post = norms(weights, kernel.bias, Quantization.of(x), steps)
    made = Block(
        weights.q, normed, table(pieces(curve, y), steps, post), pad_value=x.zero,
        arg_x=-weights.zero, arg_w=-x.zero, arg_add=weights.zero * x.zero * kernel.k**2,
        pool=pool, depthwise=kernel.depthwise,
    )  # fmt: skip
    return checked(made, weights)


def histogram(values: Array, r: Range) -> Array:
    """How many of `values` are in each of 2048 parts of their range, as floats."""
    low = F(r.low)
    width = (F(r.high) - low) / F(BINS)
    bins = np.clip(((values.reshape(-1) - low) / width).astype(np.int64), 0, BINS - 1)
    return np.bincount(bins, minlength=BINS).astype(np.float64)


def least_squares(counts: Array, r: Range) -> Range:
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
