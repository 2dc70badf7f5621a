"""Kernels of MAX_POOL_2D: the greatest value of each window."""

from __future__ import annotations

from ascua.kernels._pooling import PoolKernel
from ascua.ops.max_pool2d import MaxPool2D


class MaxPool2DS8(PoolKernel[MaxPool2D]):
    """Four channels at a time."""

    name = "max_pool2d_s8"


class MaxPool2DS8Dsp(MaxPool2DS8):
    """Four channels in a word."""

    name = "max_pool2d_s8_dsp"
    needs = frozenset({"dsp"})
    int_bits = 32


class MaxPool2DS16(PoolKernel[MaxPool2D]):
    """One channel at a time."""

    name = "max_pool2d_s16"
    types = ("int16",)
