"""Constants of convolutions with Arm's DSP extension: output channels in pairs."""

from __future__ import annotations

import numpy as np

from ascua import fixed
from ascua.ir import Array, limits
from ascua.kernels._packing import biases, by_channel, rescaling
from ascua.ops import Convolution

MOST_SHIFT = 23
"""Bits to the right by which zero point and half of the last bit, shifted to the left, fit."""


def words(taps: int) -> int:
    """Pairs of elements in a window, filled up to an even number."""
    return -(-taps // 4) * 2


def in_words(rows: Array, run: int) -> Array:
    """Weights (channels, taps) as (pairs of channels, words, 4), as wide integers.

    What runs of taps have beyond fours comes last, and zeros fill the last four, and an odd last
    channel's pair. The second channel of a pair is less 1 where the first is negative.
    """
    runs = rows.reshape(len(rows), -1, run)
    parts = np.split(runs, [run // 4 * 4], axis=2)
    rows = np.concatenate([part.reshape(len(rows), -1) for part in parts], axis=1)
    rows = np.pad(rows, [(0, len(rows) % 2), (0, -rows.shape[1] % 4)])
    # The elements of four are 0 and 2, then 1 and 3; each of the first channel, and of the second.
    fours = rows.reshape(len(rows) // 2, 2, -1, 2, 2).transpose(0, 2, 4, 3, 1)
    first, second = fours[..., 0], fours[..., 1]
    return np.stack([first, second - (first < 0)], -1).reshape(len(fours), -1, 4)


def channels(op: Convolution) -> tuple[Array, Array]:
    """Weights (channels, taps), and `requant_t` of the channels, as wide integers.

    A positive shift is to the right, in pairs of channels that are shifted by 1 to MOST_SHIFT bits
    and whose sums no input brings to 2**30; the shift of others is 64 less. An odd last channel has
    one beside it that is 0.
    """
    rows = by_channel(op).astype(np.int64)
    bias = biases(op) - op.x.q.zero_point * rows.sum(axis=1)
    multiplier, shift = rescaling(op).T
    products = np.stack([rows * end for end in limits("int8")])
    sums = bias + np.stack([end.sum(axis=1) for end in (products.min(0), products.max(0))])
    small = (shift < 0) & (shift >= -MOST_SHIFT) & (np.abs(sums) < 2**30).all(axis=0)
    requant = np.column_stack([fixed.wrap32(bias), multiplier, -shift])
    # A channel whose output no input changes needs no weights, but a sum that makes this output.
    steps = fixed.multiply_by_quantized_multiplier(sums, multiplier, shift)
    first, last = np.clip(op.y.q.zero_point + steps, *limits("int8")) - op.y.q.zero_point
    in_order = (shift <= 0) & (sums == fixed.wrap32(sums)).all(axis=0)
    constant = ~small & in_order & (first == last)
    rows[constant] = 0
    requant[constant, 0] = 4 * first[constant]
    requant[constant, 1:] = 2**30, 1
    rest = len(rows) % 2
    requant = np.append(requant, [(0, 0, 1)] * rest).reshape(-1, 3).astype(np.int64)
    fast = np.append(small | constant, [True] * rest)
    large = ~fast.reshape(-1, 2).all(axis=1).repeat(2)
    requant[large, 2] = -64 - requant[large, 2]
    return rows, requant
