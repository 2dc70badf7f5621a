"""Kernels of MAX_POOL_2D: the greatest value of each window."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels._pooling import PoolKernel, vector_terms
from ascua.ops.max_pool2d import MaxPool2D


class MaxPool2DS8(PoolKernel[MaxPool2D]):
    """Four channels at a time."""

    name = "max_pool2d_s8"


class MaxPool2DS8Vectors(MaxPool2DS8):
    """Sixteen channels at a time."""

    name = "max_pool2d_s8_vectors"
    needs = frozenset({"vectors"})
    int_bits = 32

    def fits(self, op: MaxPool2D) -> bool:
        return op.x.shape[3] >= 16

    def terms(self, op: MaxPool2D) -> Mapping[str, float]:
        return vector_terms(op, 16)


class MaxPool2DS8Dsp(MaxPool2DS8):
    """Four channels in a word."""

    name = "max_pool2d_s8_dsp"
    needs = frozenset({"dsp"})
    int_bits = 32


class MaxPool2DS16(PoolKernel[MaxPool2D]):
    """One channel at a time."""

    name = "max_pool2d_s16"
    types = ("int16",)
