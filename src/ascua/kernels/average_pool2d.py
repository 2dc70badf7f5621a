"""Kernels of AVERAGE_POOL_2D: the mean of each window, padding left out."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels._kernel import Sums
from ascua.kernels._pooling import PoolKernel, global_, vector_terms
from ascua.kernels._reductions import sums_terms
from ascua.ops.average_pool2d import AveragePool2D


class AveragePool2DS8(PoolKernel[AveragePool2D]):
    """Four channels at a time."""

    name = "average_pool2d_s8"

    def params(self, op: AveragePool2D) -> Mapping[str, int | float]:
        return {**super().params(op), "least": -128 if op.uint8 else 0}


class AveragePool2DS8Vectors(PoolKernel[AveragePool2D]):
    """Eight channels at a time, summed in 16 bits: they hold the sum of 256 values."""

    name = "average_pool2d_s8_vectors"
    needs = frozenset({"vectors"})
    int_bits = 32

    def fits(self, op: AveragePool2D) -> bool:
        taps = op.rows.kernel * op.columns.kernel
        return op.x.shape[3] >= 8 and taps <= 256 and not op.uint8

    def terms(self, op: AveragePool2D) -> Mapping[str, float]:
        return vector_terms(op, 8)


class AveragePool2DSumsS8(AveragePool2DS8):
    """Of a whole image, a row at a time."""

    name = "average_pool2d_sums_s8"

    def fits(self, op: AveragePool2D) -> bool:
        return global_(op)

    def work(self, op: AveragePool2D) -> Sums:  # type: ignore[override]
        return Sums(op.x.shape[1])

    def scratch(self, op: AveragePool2D) -> int:
        return 4 * op.x.shape[3]

    def params(self, op: AveragePool2D) -> Mapping[str, int | float]:
        _, ih, iw, c = op.x.shape
        fields = super().params(op)
        kept = {name: fields[name] for name in ("low", "high", "least")}
        return {"ih": ih, "iw": iw, "c": c, **kept}

    def terms(self, op: AveragePool2D) -> Mapping[str, float]:
        return sums_terms(op.x)


class AveragePool2DS8Dsp(AveragePool2DS8):
    """Four channels in a word, summed in halfwords; they hold the sum of 256 values."""

    name = "average_pool2d_s8_dsp"
    needs = frozenset({"dsp"})
    int_bits = 32

    def fits(self, op: AveragePool2D) -> bool:
        return op.columns.kernel <= 256


class AveragePool2DS16(PoolKernel[AveragePool2D]):
    """One channel at a time."""

    name = "average_pool2d_s16"
    types = ("int16",)
