"""Kernels of AVERAGE_POOL_2D: the mean of each window, padding left out."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels._pooling import PoolKernel
from ascua.ops.average_pool2d import AveragePool2D


class AveragePool2DS8(PoolKernel[AveragePool2D]):
    """Four channels at a time."""

    name = "average_pool2d_s8"

    def params(self, op: AveragePool2D) -> Mapping[str, int | float]:
        return {**super().params(op), "least": -128 if op.uint8 else 0}


class AveragePool2DS8Dsp(AveragePool2DS8):
    """Four channels in a word, summed in halfwords; they hold the sum of 256 values."""

    name = "average_pool2d_s8_dsp"
    needs = frozenset({"dsp"})

    def fits(self, op: AveragePool2D) -> bool:
        return op.columns.kernel <= 256


class AveragePool2DS16(PoolKernel[AveragePool2D]):
    """One channel at a time."""

    name = "average_pool2d_s16"
    types = ("int16",)
