"""Constants of kernels that work by vectors: weights by sixteen taps, what rescales by channel."""

from __future__ import annotations

import numpy as np

from ascua.kernels._kernel import Const
from ascua.kernels._packing import by_channel, requant_const, requantized, whole
from ascua.ops import Weighted

TAPS, CHANNELS = 16, 4
"""Taps of a vector, and channels that are made together."""


def sixteens(taps: int) -> int:
    """How many vectors so many taps are."""
    return -(-taps // TAPS)


def rescales(op: Weighted) -> bool:
    """Whether vectors can make outputs of its sums: all are shifted to the right."""
    return bool(requantized(op)[1][:, 1].max() < 0)


def dotted(op: Weighted) -> bool:
    """Whether vectors can make its sums: two products of a weight must fit 16 bits."""
    return bool(op.w.values.min() > -128) and rescales(op)


def dot_weights(op: Weighted) -> Const:
    """The weights in blocks of four channels, [vectors][4][16] each; zeros fill both up."""
    matrix = by_channel(op)
    n, taps = matrix.shape
    filled = np.pad(matrix, [(0, -n % CHANNELS), (0, -taps % TAPS)])
    blocks = filled.reshape(-1, CHANNELS, sixteens(taps), TAPS).transpose(0, 2, 1, 3)
    return Const("weights", np.ascontiguousarray(blocks), holds={"weights": op.w.bytes})


def rescale_const(op: Weighted) -> Const:
    """Biases with the zero point folded in, multipliers and shifts: (3, channels) int32."""
    requant = requant_const(op)
    n = len(requant.data)
    filled = np.pad(requant.data, [(0, whole(n, CHANNELS) - n), (0, 0)])
    filled[n:, 2] = -1
    return Const("rescale", np.ascontiguousarray(filled.T), "int32_t", requant.holds)
