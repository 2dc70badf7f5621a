"""SUM: the sum over some axes, rescaled to the output."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ir import Array
from ascua.ops._reductions import SumReduction


@dataclass(frozen=True, eq=False)
class Sum(SumReduction):
    """y = sum of x over the axes that the second input names."""

    tflite = "SUM"
    floats = True
    max_version = 2

    def eval_float(self, *xs: Array) -> Array:
        return self.over_axes(np.sum, xs[0])
