"""What V3's runtime computes on the CPU: a function of arrays for each type of layer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ascua.ir import Array
from ascua.kmodel import v3
from ascua.kpu import floats
from ascua.kpu.arithmetic import Arithmetic, Compute, compute
from ascua.kpu.floats import F32
from ascua.kpu.rounding import clip8, half_up

FLT_MIN = float(np.finfo(F32).tiny)
"""Softmax looks for a maximum from here on, so that one of negative numbers stays unfound."""
SHORTEST = 1e-10
"""Squared lengths that L2Normalization divides by are this or more."""


def activated(act: v3.FusedActivation, y: Array) -> Array:
    """`y` behind a fused activation."""
    if act == v3.FusedActivation.LINEAR:
        return y
    most = F32(6) if act == v3.FusedActivation.RELU6 else F32(np.inf)
    return np.clip(y, F32(0), most)


@compute.register
def _(layer: v3.Add, how: Arithmetic) -> Compute:  # noqa: ARG001
    return np.add


@compute.register
def _(layer: v3.QuantizedAdd, how: Arithmetic) -> Compute:  # noqa: ARG001
    p = layer

    def add(a: Array, b: Array) -> Array:
        va = (a.astype(np.int64) + p.a_offset) * p.a_mul
        vb = (b.astype(np.int64) + p.b_offset) * p.b_mul
        if p.a_shift == p.b_shift:
            v = (va + vb) >> p.a_shift
        else:
            v = (va >> p.a_shift) + (vb >> p.b_shift)
        return clip8(half_up(v * p.out_mul, p.out_shift) + p.out_offset)

    return add


@compute.register
def _(layer: v3.GlobalAveragePool2d, how: Arithmetic) -> Compute:  # noqa: ARG001
    def mean(x: Array) -> Array:
        total: Array = floats.total(0.0, x.reshape(layer.channels, -1))
        return total / F32(layer.kernel_size)

    return mean


def pooled(
    layer: v3.Pool2d, x: Array, first: float, step: Callable[[Array, Array], Array]
) -> Array:
    """Each window of `x` (flat, CHW), its elements in order through `step`, from `first` on."""
    p = layer
    x = x.reshape(p.in_channels, p.in_height, p.in_width)
    y = np.full((p.out_channels, p.out_height, p.out_width), first, x.dtype)
    rows = floats.taps(p.in_height, p.out_height, p.kernel_height, p.stride_height, p.pad_height)
    columns = floats.taps(p.in_width, p.out_width, p.kernel_width, p.stride_width, p.pad_width)
    for _, oy, iy in rows:
        for _, ox, ix in columns:
            y[:, oy, ox] = step(y[:, oy, ox], x[:, iy, ix])
    return y


@compute.register
def _(layer: v3.QuantizedMaxPool2d, how: Arithmetic) -> Compute:  # noqa: ARG001
    return lambda x: pooled(layer, x, 0, np.maximum)


@compute.register
def _(layer: v3.AveragePool2d, how: Arithmetic) -> Compute:  # noqa: ARG001
    ones = np.ones(layer.in_count, F32)
    counts = pooled(layer, ones, 0.0, np.add)
    return lambda x: activated(layer.act, pooled(layer, x, 0.0, np.add) / counts)


@compute.register
def _(layer: v3.Quantize, how: Arithmetic) -> Compute:  # noqa: ARG001
    inverse = F32(1) / F32(layer.scale)
    return lambda x: floats.byte(floats.away((x - F32(layer.bias)) * inverse))


@compute.register
def _(layer: v3.Dequantize, how: Arithmetic) -> Compute:
    levels = np.arange(256, dtype=F32)
    table = how.madd(levels, F32(layer.scale), F32(layer.bias))
    return lambda q: table[q]


@compute.register
def _(layer: v3.ChannelwiseDequantize, how: Arithmetic) -> Compute:
    scale, bias = (np.ascontiguousarray(v)[:, None] for v in layer.scale_bias.astype(F32).T)
    return lambda q: how.madd(q.reshape(layer.channels, -1).astype(F32), scale, bias)


@compute.register
def _(layer: v3.Requantize, how: Arithmetic) -> Compute:  # noqa: ARG001
    return lambda q: layer.table[q]


@compute.register
def _(layer: v3.L2Normalization, how: Arithmetic) -> Compute:  # noqa: ARG001
    def normalize(x: Array) -> Array:
        square = np.zeros(1, F32)
        for v in x:
            square = how.madd(v[None], v[None], square)
        return x * (F32(1) / np.sqrt(np.maximum(square, F32(SHORTEST))))

    return normalize


@compute.register
def _(layer: v3.Softmax, how: Arithmetic) -> Compute:  # noqa: ARG001
    return lambda x: floats.softmax(x, least=FLT_MIN)


@compute.register
def _(layer: v3.Logistic, how: Arithmetic) -> Compute:  # noqa: ARG001
    return lambda x: F32(1) / (F32(1) + floats.exp(-x))


@compute.register
def _(layer: v3.Concat, how: Arithmetic) -> Compute:  # noqa: ARG001
    return lambda *parts: np.concatenate(parts)


@compute.register
def _(layer: v3.FullyConnected, how: Arithmetic) -> Compute:
    columns = np.ascontiguousarray(layer.weights.T, F32)

    def dense(x: Array) -> Array:
        y = np.zeros(layer.out_channels, F32)
        for v, w in zip(x, columns, strict=True):
            y = how.madd(v[None], w, y)
        return activated(layer.act, y + layer.bias)

    return dense


@compute.register
def _(layer: v3.TensorflowFlatten, how: Arithmetic) -> Compute:  # noqa: ARG001
    shape = (layer.channels, layer.height, layer.width)
    return lambda x: x.reshape(shape).transpose(1, 2, 0)


@compute.register
def _(layer: v3.ResizeNearestNeighbor, how: Arithmetic) -> Compute:  # noqa: ARG001
    p = layer
    rows = floats.nearest(p.in_height, p.out_height, aligned=bool(p.align_corners))
    columns = floats.nearest(p.in_width, p.out_width, aligned=bool(p.align_corners))
    return lambda x: x.reshape(p.channels, p.in_height, p.in_width)[:, rows[:, None], columns]


@compute.register
def _(layer: v3.K210RemovePadding, how: Arithmetic) -> Compute:  # noqa: ARG001
    return lambda x: x[::16]
