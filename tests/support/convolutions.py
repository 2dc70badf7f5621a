"""Convolutions of the KPU in plain numbers, with the registers that their sizes ask for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ascua.ir import Array
from ascua.kmodel import Activation, Conv, Layout, Norms, Registers
from ascua.kpu.pooling import POOLS

RELU = [(-(2**35), 0, 0, 0), (0, 512, 20, 0), *((2**35 - 17 + e, 0, 0, 255) for e in range(2, 16))]
"""The table that nncase 0.2 writes for ReLU6: t / 2048."""


def conv(
    w: Array,
    size: tuple[int, int],
    *,
    norms: Sequence[tuple[int, int, int]],
    segments: Sequence[tuple[int, int, int, int]],
    depthwise: bool = False,
    pool: int = 0,
    **registers: int,
) -> Conv:
    """A layer for maps of `size` rows and columns; norms are (mul, add, shift) of each channel.

    Segments are (start, mul, shift, bias); weights (oc, ic, k, k), or (c, 1, k, k).
    """
    oc, ic = len(w), len(w) if depthwise else w.shape[1]
    x = Layout(size[1], size[0], ic)
    oh, ow = POOLS[pool].size(*size)
    y = Layout(ow, oh, oc)
    values = {
        "depth_wise_layer": int(depthwise), "image_src_addr": 0, "image_dst_addr": x.lines,
        "i_ch_num": ic - 1, "o_ch_num": oc - 1, "o_ch_num_coef": oc - 1,
        "i_row_wid": x.width - 1, "i_col_high": x.height - 1,
        "o_row_wid": max(ow, 1) - 1, "o_col_high": max(oh, 1) - 1,
        "kernel_type": w.shape[2] // 2, "pool_type": pool, "pad_value": 0,
        "load_time": 0, "para_size": w.size,
        "channel_switch_addr": x.channel_lines, "row_switch_addr": x.row_lines,
        "coef_group": x.groups, "wb_channel_switch_addr": y.channel_lines,
        "wb_row_switch_addr": y.row_lines, "wb_group": y.groups,
        "shr_w": 0, "shr_x": 0, "arg_w": 0, "arg_x": 0, "arg_add": 0,
        "channel_byte_num": ow * oh - 1, "dma_total_byte": ow * oh * oc - 1,
    } | registers  # fmt: skip
    norm, segment = (column_of(v) for v in (norms, segments))
    return Conv(Registers(**values), Norms(*norm), Activation(*segment), w)


def column_of(rows: Sequence[tuple[int, ...]]) -> list[Array]:
    return [np.array(v, np.int64) for v in zip(*rows, strict=True)]
