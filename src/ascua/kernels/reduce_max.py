"""Kernels of REDUCE_MAX: the greatest value over some axes."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels._bounds import bounds
from ascua.kernels._kernel import Kernel, Sums
from ascua.kernels._pooling import global_
from ascua.kernels._reductions import loops, over_pixels
from ascua.ops.max_pool2d import MaxPool2D
from ascua.ops.reduce_max import ReduceMax
from ascua.ops.reduce_min import ReduceMin


class ReduceMaxS8(Kernel[ReduceMax | ReduceMin]):
    """Over any axes, one result at a time; the lesser of two values where `sign` is -1."""

    name = "reduce_max_s8"

    def params(self, op: ReduceMax | ReduceMin) -> Mapping[str, int]:
        return {**loops(op), "sign": 1 if isinstance(op, ReduceMax) else -1}


class ReduceMaxSumsS8(Kernel[MaxPool2D | ReduceMax | ReduceMin]):
    """Of the pixels of an image, a row at a time."""

    name = "reduce_max_sums_s8"

    def fits(self, op: MaxPool2D | ReduceMax | ReduceMin) -> bool:
        return global_(op) if isinstance(op, MaxPool2D) else over_pixels(op)

    def work(self, op: MaxPool2D | ReduceMax | ReduceMin) -> Sums:
        return Sums(op.x.shape[1])

    def scratch(self, op: MaxPool2D | ReduceMax | ReduceMin) -> int:
        return op.x.shape[3]

    def params(self, op: MaxPool2D | ReduceMax | ReduceMin) -> Mapping[str, int]:
        _, ih, iw, c = op.x.shape
        activation = op.activation if isinstance(op, MaxPool2D) else "NONE"
        sign = -1 if isinstance(op, ReduceMin) else 1
        return {"ih": ih, "iw": iw, "c": c, "sign": sign, **bounds(activation, op.y)}

    def terms(self, op: MaxPool2D | ReduceMax | ReduceMin) -> Mapping[str, float]:
        _, rows, n, c = op.x.shape
        return {"row": rows, "one": rows * c, "one's tap": rows * n * c, "channel": c}
