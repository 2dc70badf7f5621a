"""REDUCE_MAX: the greatest value over some axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ir import Array
from ascua.ops import _conditions
from ascua.ops._reductions import Reduction


@dataclass(frozen=True, eq=False)
class ReduceMax(Reduction):
    """y = max of x over the axes that the second input names."""

    tflite = "REDUCE_MAX"
    floats = True
    max_version = 3
    any_type = True
    one_scale = True

    def check(self) -> str | None:
        return super().check() or _conditions.same_quantization(self.y, self.x)

    def eval(self, *xs: Array) -> Array:
        return self.over_axes(np.max, xs[0])
