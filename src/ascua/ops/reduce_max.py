"""REDUCE_MAX: the greatest value over some axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ascua.ir import Array, Kernel
from ascua.ops import conditions
from ascua.ops.reductions import Reduction, loops


class ReduceMaxS8(Kernel):
    """Over any axes, one result at a time; the lesser of two values where `sign` is -1."""

    name = "reduce_max_s8"

    def params(self, op: Reduction) -> Mapping[str, int]:
        return {**loops(op), "sign": 1 if isinstance(op, ReduceMax) else -1}


@dataclass(frozen=True, eq=False)
class ReduceMax(Reduction):
    """y = max of x over the axes that the second input names."""

    tflite = "REDUCE_MAX"
    max_version = 3
    kernels = (ReduceMaxS8(),)
    any_type = True
    one_scale = True

    def check(self) -> str | None:
        return super().check() or conditions.same_quantization(self.y, self.x)

    def eval(self, *xs: Array) -> Array:
        return self.over_axes(np.max, xs[0])
