"""The arithmetic that convolutions and fully connected layers share: weights, bias, channels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ascua import fixed
from ascua.ir import Array, Tensor, limits
from ascua.ops import _conditions


def multipliers(reals: list[float]) -> tuple[Array, Array]:
    """Multipliers and shifts (channels,) int64 of real factors."""
    pairs = [fixed.quantize_multiplier(r) for r in reals]
    return np.array([m for m, _ in pairs]), np.array([s for _, s in pairs])


def channel_scales(
    x: Tensor, w: Tensor, y: Tensor, channels: int, *, single: bool = False
) -> list[float]:
    """sx * sw / sy of each channel in double precision, as TFLM prepares convolutions.

    With `single`, sx * sw is rounded to float32, as in LiteRT's uint8 convolutions.
    """
    scales = w.q.scales if w.q.per_channel else w.q.scales * channels
    number = np.float32 if single else np.float64
    return [float(number(x.q.scale) * number(s)) / y.q.scale for s in scales]


def centred(w: Tensor) -> Array:
    """The weights `w` without their zero point, int32; float ones as they are."""
    return w.values if w.quant is None else w.values.astype(np.int32) - w.q.zero_point


def greatest(x: Tensor, matrix: Array, bias: Tensor | None) -> Array:
    """What the sums of each channel come to for any input, at most: magnitudes (channels,) int64.

    `matrix` is (channels, k): all weights that a channel's accumulator sums over.
    """
    low, high = limits(x.dtype)
    # The farthest that an input value lies from its zero point.
    reach = max(high - x.q.zero_point, x.q.zero_point - low)
    bound: Array = reach * np.abs(matrix.astype(np.int64)).sum(axis=1)
    if bias is not None:
        bound = bound + np.abs(bias.values.reshape(-1).astype(np.int64))
    return bound


def short_condition(
    x: Tensor, matrix: Array, bias: Tensor | None, y: Tensor, reals: list[float]
) -> str | None:
    """None, or why sums of 32 bits pass what TFLM computes with: `matrix` is (channels, k).

    A bias may make a sum wrap around, and so may products of int16, as they do in TFLM.
    """
    if x.dtype == "int8" and (greatest(x, matrix, None) >= 2**31).any():
        return "its weights make sums of products beyond 32 bits"
    sums = greatest(x, matrix, bias).tolist()
    return _conditions.rescaled(y, sums, map(fixed.quantize_multiplier, reals))


def requantize(
    acc: Array,
    reals: list[float],
    y: Tensor,
    low: int,
    high: int,
    multiply: Callable[..., Array] = fixed.multiply_by_quantized_multiplier,
) -> Array:
    """int32 accumulators (..., channels) as values of output `y`, clamped to [low, high]."""
    multiplier, shift = multipliers(reals)
    scaled = multiply(fixed.wrap32(acc), multiplier, shift)
    clamped: Array = np.clip(scaled + y.q.zero_point, low, high).astype(y.dtype)
    return clamped


def requantize_wide(acc: Array, reals: list[float], y: Tensor, low: int, high: int) -> Array:
    """int64 accumulators (..., channels) as int16 of output `y`, clamped to [low, high]."""
    clamped: Array = np.clip(fixed.multiply_wide(acc, *multipliers(reals)), low, high)
    return clamped.astype(y.dtype)


INT32 = 2
"""The number of int32 in .tflite files."""


def short_bias(bias: Tensor | None, bias_dtype: int) -> bool:
    """Whether a layer of int16 sums up in 32 bits in TFLM: as its bias has, or would have."""
    return bias_dtype == INT32 if bias is None else bias.dtype == "int32"


def wide_condition(w: Tensor, axis: int, bias: Tensor | None, reals: list[float]) -> str | None:
    """None, or why a layer of int16 passes what TFLM computes with: 48 bits, factors below 128.

    `axis` is that of the channels in the weights `w`.
    """
    rest = tuple(a for a in range(len(w.shape)) if a != axis)
    sums = 2**15 * np.abs(w.values.astype(np.int64)).sum(axis=rest)
    biases = np.zeros(1) if bias is None else np.abs(bias.values.reshape(-1).astype(np.float64))
    if (sums + biases >= 2.0**47).any():
        return "its biases and weights make sums beyond 48 bits"
    if (multipliers(reals)[1] > 7).any():
        return "its output's scale is too fine for its inputs' scales"
    return None
