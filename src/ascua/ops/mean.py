"""MEAN: the mean over some axes, as at the end of many classifiers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ir import Array
from ascua.ops._reductions import SumReduction


@dataclass(frozen=True, eq=False)
class Mean(SumReduction):
    """y = mean of x over the axes that the second input names."""

    tflite = "MEAN"
    floats = True
    max_version = 2

    def eval_float(self, *xs: Array) -> Array:
        return self.over_axes(np.mean, xs[0])

    def factor(self) -> tuple[int, int]:
        """Multiplier and shift from sum to output.

        As in TFLM, the scales' multiplier is divided by the number of values and cut off; it may
        lie below 2**30.
        """
        multiplier, shift = super().factor()
        up = min(self.count.bit_length() - 1, 31 + shift)
        return (multiplier << up) // self.count, shift - up
