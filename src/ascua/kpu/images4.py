"""What V4's runtime computes on the CPU for images: windows, sizes, and values put elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from ascua.ir import Array
from ascua.kmodel import v4
from ascua.kpu import floats
from ascua.kpu.arithmetic import Arithmetic, Compute, compute
from ascua.kpu.floats import F32
from ascua.kpu.ram import DTYPES
from ascua.kpu.rounding import clip8, scaled32

Convolution: TypeAlias = v4.Conv2d | v4.QuantizedConv2d
Tap: TypeAlias = tuple[tuple[int, int], tuple[slice, slice], tuple[slice, slice]]
"""Row and column of a kernel, the outputs that they give to, the elements that they meet."""


def windows(layer: Convolution | v4.ReduceWindow2d) -> tuple[tuple[int, int], list[Tap]]:
    """Rows and columns of the output, and all taps in order."""
    p, (h, w) = layer, layer.shape[2:]
    oh = v4.steps(h, p.pad_h, p.kh, p.sh, p.dh)
    ow = v4.steps(w, p.pad_w, p.kw, p.sw, p.dw)
    rows = floats.taps(h, oh, p.kh, p.sh, p.pad_h[0], p.dh)
    columns = floats.taps(w, ow, p.kw, p.sw, p.pad_w[0], p.dw)
    taps = [((ky, kx), (oy, ox), (iy, ix)) for ky, oy, iy in rows for kx, ox, ix in columns]
    return (oh, ow), taps


def convolved(
    layer: Convolution, dtype: Any, madd: Callable[[Array, Array, Array], Array]
) -> Compute:
    """The bias, then products by input channel, row and column of the kernel; padding adds none."""
    p = layer
    n, c, h, w = p.shape
    size, taps = windows(p)
    ic, per = c // p.groups, p.oc // p.groups
    weights = p.weights.astype(dtype).reshape(p.groups, per, ic, p.kh, p.kw)
    bias = p.bias.astype(dtype).reshape(p.groups, per, 1, 1)

    def convolve(x: Array) -> Array:
        x = x.astype(dtype).reshape(n, p.groups, ic, 1, h, w)
        y = np.array(np.broadcast_to(bias, (n, p.groups, per, *size)))
        for i in range(ic):
            for (ky, kx), (oy, ox), (iy, ix) in taps:
                k = weights[:, :, i, ky, kx, None, None]
                y[..., oy, ox] = madd(x[:, :, i, :, iy, ix], k, y[..., oy, ox])
        return y

    return convolve


@compute.register
def _(layer: v4.Conv2d, how: Arithmetic) -> Compute:
    convolve = convolved(layer, F32, how.madd)
    return lambda x: floats.clamped(convolve(x), layer.act_min, layer.act_max)


@compute.register
def _(layer: v4.QuantizedConv2d, how: Arithmetic) -> Compute:  # noqa: ARG001
    p = layer
    convolve = convolved(p, np.int64, lambda x, w, y: y + (x + p.in_offset) * (w + p.w_offset))
    return lambda x: clip8(scaled32(convolve(x), p.mul, p.shift) + p.out_offset)


@compute.register
def _(layer: v4.ReduceWindow2d, how: Arithmetic) -> Compute:  # noqa: ARG001
    p = layer
    size, taps = windows(p)
    counts = np.zeros(size, F32)
    for _, places, _ in taps:
        counts[places] += F32(1)
    step = {v4.ReduceOp.MIN: np.minimum, v4.ReduceOp.MAX: np.maximum}.get(p.op, np.add)

    def reduce(x: Array) -> Array:
        x = x.reshape(p.shape)
        y: Array = np.full((*p.shape[:2], *size), p.init, F32)
        for _, (oy, ox), (iy, ix) in taps:
            y[..., oy, ox] = step(y[..., oy, ox], x[..., iy, ix])
        y = y / counts if p.op == v4.ReduceOp.MEAN else y
        return floats.clamped(y, p.act_min, p.act_max)

    return reduce


@compute.register
def _(layer: v4.ResizeImage, how: Arithmetic) -> Compute:
    p, (h, w), aligned = layer, layer.shape[2:], bool(layer.align_corners)
    if p.mode == v4.ResizeMode.NEAREST:
        rows = floats.nearest(h, p.oh, aligned=aligned)
        columns = floats.nearest(w, p.ow, aligned=aligned)
        return lambda x: x.reshape(p.shape)[:, :, rows[:, None], columns]
    (y0, y1, dy), (x0, x1, dx) = (
        floats.between(h, p.oh, aligned=aligned),
        floats.between(w, p.ow, aligned=aligned),
    )
    dy, one = dy[:, None], F32(1)
    corners: tuple[tuple[Array, Array, Array], ...] = (
        (y0, x0, (one - dy) * (one - dx)),
        (y1, x0, dy * (one - dx)),
        (y0, x1, (one - dy) * dx),
        (y1, x1, dy * dx),
    )

    def bilinear(x: Array) -> Array:
        image = x.reshape(p.shape)
        y, x_, share = corners[0]
        total: Array = image[:, :, y[:, None], x_] * share
        for y, x_, share in corners[1:]:
            total = how.madd(image[:, :, y[:, None], x_], share, total)
        return total

    return bilinear


@compute.register
def _(layer: v4.Concat, how: Arithmetic) -> Compute:  # noqa: ARG001
    def join(*parts: Array) -> Array:
        runs = [p.view(np.uint8).reshape(layer.outer, -1) for p in parts]
        return np.concatenate(runs, axis=1).reshape(-1).view(DTYPES[layer.out.dtype])

    return join


@compute.register
def _(layer: v4.MemoryCopy, how: Arithmetic) -> Compute:  # noqa: ARG001
    return lambda x: x


@compute.register
def _(layer: v4.Pad, how: Arithmetic) -> Compute:  # noqa: ARG001
    value = np.array([layer.value], "<u4").view(DTYPES[layer.dtype])[0]
    axes = [(n, *pads) for n, pads in zip(layer.shape, layer.pads, strict=True)]
    kept = tuple(slice(max(-before, 0), n + min(after, 0)) for n, before, after in axes)
    wider = [(max(before, 0), max(after, 0)) for _, before, after in axes]
    return lambda x: np.pad(x.reshape(layer.shape)[kept], wider, constant_values=value)


@compute.register
def _(layer: v4.Transpose, how: Arithmetic) -> Compute:  # noqa: ARG001
    return lambda x: x.reshape(layer.shape).transpose(layer.perm)


@compute.register
def _(layer: v4.StridedSlice, how: Arithmetic) -> Compute:  # noqa: ARG001
    return lambda x: x.reshape(layer.shape)[layer.slices]
