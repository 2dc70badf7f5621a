"""What one pass of the KPU makes of bytes, written from section 3 of its specification.

Images are (n, h, w, c). Sums of products are whole numbers of less than 2**53, so that products of
matrices in float64 are exact.
"""

from __future__ import annotations

import numpy as np

from ascua.ir import Array
from ascua.kmodel import Activation
from ascua.targets.k210.block import Block

MOST_ELEMENTS = 1 << 21
"""Of an output that is computed at once."""


def planes(y: Array) -> Array:
    """Values (n, 1, h, w, c) or (n, 1, c) as the chip's memory has them: (n, elements)."""
    moved = np.moveaxis(y, -1, 2) if y.ndim == 5 else y
    return moved.reshape(len(y), -1)


def passed(block: Block, images: Array, version: int) -> Array:
    """The bytes (n, oh, ow, oc) of `images` under a version's rounding of the activation."""
    _, h, w, _ = images.shape
    at_once = max(1, MOST_ELEMENTS // (h * w * block.oc))
    parts = [
        _pooled(block.pool, _activated(block, _sums(block, images[i : i + at_once]), version))
        for i in range(0, len(images), at_once)
    ]
    return np.concatenate(parts)


def _sums(block: Block, images: Array) -> Array:
    """Sums of products and the terms of the zero points: int64 (n, h, w, oc)."""
    n, h, w, c = images.shape
    weights = block.weights.astype(np.int64)
    kernels = np.moveaxis(weights, 0, -1).astype(np.float64)  # (ic, k, k, oc)
    border = block.k // 2
    frame = [(0, 0), (border, border), (border, border), (0, 0)]
    x = np.pad(images, frame, constant_values=block.pad_value).astype(np.float64)
    acc = np.zeros((n, h, w, block.oc))
    sx = np.zeros((n, h, w, c if block.depthwise else 1))
    for ky in range(block.k):
        for kx in range(block.k):
            tap = x[:, ky : ky + h, kx : kx + w]
            if block.depthwise:
                acc += tap * kernels[0, ky, kx]
                sx += tap
            else:
                acc += (tap.reshape(-1, c) @ kernels[:, ky, kx]).reshape(acc.shape)
                sx += tap.sum(axis=-1, keepdims=True)
    sw = weights.sum(axis=(1, 2, 3))
    terms = (block.arg_x * sx.astype(np.int64)) >> block.shr_x
    constant = ((block.arg_w * sw) >> block.shr_w) + block.arg_add * weights.shape[1]
    sums: Array = acc.astype(np.int64) + terms + constant
    return sums


def _activated(block: Block, sums: Array, version: int) -> Array:
    """Norms and activation table: bytes of `sums`, channels last."""
    norms = block.norms
    t = ((sums * norms.mul.astype(np.int64)) >> norms.shift.astype(np.int64)) + norms.add
    y = np.zeros(t.shape, np.uint8)
    for i, first, last in _segments(block.activation, int(t.min()), int(t.max()), version):
        inside = (t >= first) & (t <= last)
        y[inside] = _line(block.activation, i, t[inside], version)
    return y


def _segments(table: Activation, low: int, high: int, version: int) -> list[tuple[int, int, int]]:
    """The segments that hold any t from `low` to `high`: number, its first and its last t.

    It is the last whose start is at or before t, in V4 before it; the first where none is.
    """
    found = []
    end = high
    for i in reversed(range(len(table.start))):
        first = int(table.start[i]) + (version == 4) if i else low
        if first <= end:
            found.append((i, max(first, low), end))
            end = first - 1
        if end < low:
            break
    return found


def _line(table: Activation, i: int, t: Array, version: int) -> Array:
    """Bytes of those t that belong to segment `i`."""
    product = (t - int(table.start[i])) * int(table.mul[i])
    s = int(table.shift[i])
    if s == 0:
        y = product
    elif version == 3:  # the bit below the result goes one away from zero
        y = (product >> s) + np.sign(product) * ((product >> (s - 1)) & 1)
    else:  # half to even; what is rounded at all goes one away from zero
        y, rest, half = product >> s, product & ((1 << s) - 1), 1 << (s - 1)
        up = (rest > half) | ((rest == half) & (y & 1 == 1))
        y = y + np.where(product < 0, -1, 1) * up
    clipped: Array = np.clip(y + int(table.bias[i]), 0, 255)
    return clipped.astype(np.uint8)


def _pooled(code: int, y: Array) -> Array:
    """Bytes (n, h, w, c) behind the pool of that code."""
    n, h, w, c = y.shape
    if code in (5, 6, 7):
        stride, column = (4, 0) if code == 7 else (2, code - 5)
        kept: Array = y[:, : h // stride * stride : stride, column : w // stride * stride : stride]
        return kept
    if code in (8, 9):
        edge = np.pad(y, [(0, 0), (0, 1), (0, 1), (0, 0)], mode="edge").astype(np.int64)
        near = np.stack([edge[:, a : a + h, b : b + w] for a in (0, 1) for b in (0, 1)])
        pooled: Array = near.sum(axis=0) // 4 if code == 8 else near.max(axis=0)
        return pooled.astype(np.uint8)
    if code == 0:
        return y
    size = 2 if code in (1, 2) else 4
    oh, ow = h // size, w // size
    windows = y[:, : oh * size, : ow * size].reshape(n, oh, size, ow, size, c)
    if code in (1, 3):
        largest: Array = windows.max(axis=(2, 4))
        return largest
    means: Array = windows.sum(axis=(2, 4), dtype=np.int64) // (size * size)
    return means.astype(np.uint8)
