"""Constants of Winograd's F(4x4, 3x3) in integers, and where its sums are exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ascua import fixed
from ascua.ir import Array, limits
from ascua.kernels._kernel import Const
from ascua.kernels._packing import requant_const, whole
from ascua.kernels._pairs import channels
from ascua.ops.conv2d import Conv2D

FILTER = np.array([[3, 0, 0], [1, 1, 1], [1, -1, 1], [1, 2, 4], [1, -2, 4], [0, 0, 3]])
"""G: a filter g becomes GgG'."""
MOST = 2**25
"""A sum that stays below can be told from 64 times itself mod 2^32."""
TILE, POSITIONS, LANES = 4, 36, 8
"""Outputs of a tile each way; products of a tile for each channel; sums that are made together."""


def pairs(op: Conv2D) -> int:
    """Pairs of tiles side by side in the output."""
    return -(-op.y.shape[1] // TILE) * -(-op.y.shape[2] // (2 * TILE))


def exact(op: Conv2D) -> bool:
    """Whether each sum stays below MOST for any input, and is shifted as kernels do it."""
    rows, requant = channels(op)
    rows = filled(rows, 2)
    products = np.stack([rows * end for end in limits("int8")])
    sums = requant[:, 0] + np.stack([end.sum(axis=1) for end in (products.min(0), products.max(0))])
    return bool((requant[:, 2] > 0).all() and np.abs(sums).max() < MOST)


def winograd_words(op: Conv2D) -> int:
    """Pairs of channels of the input, filled up to an even number."""
    return whole(op.x.shape[3], 4) // 2


def filled(rows: Array, size: int) -> Array:
    """Rows (n, taps) with zeros behind them, up to whole groups of a size."""
    return np.pad(rows, [(0, -len(rows) % size), (0, 0)])


def by_fours(op: Conv2D) -> Array:
    """The weights as (channels / 4, 4, 3, 3, channels of the input), filled up to fours."""
    rows, _ = channels(op)
    oc, ic = op.y.shape[3], op.x.shape[3]
    filters = rows[:oc].reshape(oc, 3, 3, ic)
    filters = np.pad(filters, [(0, -oc % 4), (0, 0), (0, 0), (0, -ic % 4)])
    return filters.reshape(-1, 4, *filters.shape[1:])


def winograd_requant(op: Conv2D) -> Const:
    """`requant_t` of each channel, filled up to fours; the bias is 36 times what it is."""
    rows, requant = channels(op)
    # Kernels take inputs as numbers from 0 up, 128 more than they are.
    requant[:, 0] = 36 * (requant[:, 0] - 128 * filled(rows, 2).sum(axis=1))
    none = np.tile([0, 0, 1], (-len(requant) % 4, 1))
    requant = np.concatenate([requant, none])
    return replace(requant_const(op), data=fixed.wrap32(requant).astype(np.int32))


def packed_filters(filters: Array) -> Array:
    """Filters (n, 4, 3, 3, ic) as uint32 of four channels each, (n, ic / 4, 4, 3, 3)."""
    n, ic = len(filters), filters.shape[-1]
    fours = filters.reshape(n, 4, 3, 3, ic // 4, 4).transpose(0, 4, 1, 2, 3, 5)
    return np.ascontiguousarray(fours, dtype=np.int8).view("<u4")[..., 0]


def transformed(filters: Array) -> Array:
    """GgG' of filters (n, 4, 3, 3, ic), as uint32 (n, 36, ic / 2, 4): pairs of int16.

    Positions go down columns. Of four channels 0 and 2 make the first word, 1 and 3 the second.
    """
    n, ic, g = len(filters), filters.shape[-1], FILTER.astype(np.float64)
    # Exact in float64, and by far quicker: [6 columns][6 rows][n][4][ic].
    found = np.tensordot(g, np.tensordot(g, filters, (1, 2)), (1, 3))
    words = found.reshape(POSITIONS, n, 4, ic // 4, 2, 2)  # channel = 4 q + 2 half + word
    lanes = words.transpose(1, 0, 3, 5, 2, 4)
    packed = np.ascontiguousarray(lanes, dtype="<i2")
    return packed.view("<u4").reshape(n, POSITIONS, ic // 2, 4)
