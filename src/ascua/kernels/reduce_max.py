"""Kernels of REDUCE_MAX: the greatest value over some axes."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels._kernel import Kernel
from ascua.kernels._reductions import loops
from ascua.ops.reduce_max import ReduceMax
from ascua.ops.reduce_min import ReduceMin


class ReduceMaxS8(Kernel[ReduceMax | ReduceMin]):
    """Over any axes, one result at a time; the lesser of two values where `sign` is -1."""

    name = "reduce_max_s8"

    def params(self, op: ReduceMax | ReduceMin) -> Mapping[str, int]:
        return {**loops(op), "sign": 1 if isinstance(op, ReduceMax) else -1}
