"""SUM: the sum over some axes, rescaled to the output."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ir import Array, limits
from ascua.ops.reductions import MeanS8, SumReduction, SumS8, SumS16


@dataclass(frozen=True, eq=False)
class Sum(SumReduction):
    """y = sum of x over the axes that the second input names."""

    tflite = "SUM"
    max_version = 2
    kernels = (MeanS8(), SumS8(), SumS16())

    def eval_float(self, *xs: Array) -> Array:
        return self.over_axes(np.sum, xs[0])

    def check(self) -> str | None:
        if reason := super().check():
            return reason
        low, high = limits(self.x.dtype)
        reach = max(high - self.x.q.zero_point, self.x.q.zero_point - low)
        if (reach * self.count) << max(self.factor()[1], 0) >= 2**31:
            return (
                f"its output's scale {self.y.q.scale:g} is too fine for sums of {self.count}"
                f" values of the scale {self.x.q.scale:g}"
            )
        return None
