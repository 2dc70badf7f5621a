"""Passes of the KPU that leave every byte as it is."""

from __future__ import annotations

import numpy as np

from ascua.kmodel import Activation, Norms
from ascua.kmodel.conv import SEGMENTS
from ascua.targets.k210.block import MOST_BYTE, Block

LEAST = -(1 << 35)
"""The first of a table's places."""


def moved(
    channels: int,
    tap: tuple[int, int],
    pool: int,
    pad: int,
    more: tuple[int, int] = (0, 0),
) -> Block:
    """Each pixel is its neighbor `tap` down and to the right, `pad` outside; then comes a pool.

    `more` channels, before and after, are `pad` throughout. Where there is neither a pool nor more,
    channels need no products with each other.
    """
    depthwise = pool == 0 and more == (0, 0)
    size = 1 if tap == (0, 0) and not depthwise else 3
    count = channels + sum(more)
    weights = np.zeros((count, 1 if depthwise else channels, size, size), np.uint8)
    each = np.arange(channels)
    own = more[0] + each
    weights[own, 0 if depthwise else each, size // 2 + tap[0], size // 2 + tap[1]] = 1
    ones, add = np.ones(count, np.int32), np.full(count, pad, np.int32)
    add[own] = 0
    start = np.full(SEGMENTS, -LEAST - 1, np.int64)
    start[:2] = LEAST, 0
    mul, shift = np.zeros(SEGMENTS, np.int16), np.zeros(SEGMENTS, np.uint8)
    mul[1] = 1
    bias = np.full(SEGMENTS, MOST_BYTE, np.uint8)
    bias[:2] = 0
    return Block(
        weights=weights,
        norms=Norms(ones, add, np.zeros(count, np.uint8)),
        activation=Activation(start, mul, shift, bias),
        pad_value=pad,
        arg_x=0,
        arg_w=0,
        arg_add=0,
        pool=pool,
        depthwise=depthwise,
    )
