"""ARG_MIN: where along an axis the least value is; the first of equal ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ir import Array
from ascua.ops.arg_max import ArgMax


@dataclass(frozen=True, eq=False)
class ArgMin(ArgMax):
    """y = the index of the least of x along the axis that the second input names."""

    tflite = "ARG_MIN"
    options = "ArgMinOptions"

    sign = -1

    def eval(self, *xs: Array) -> Array:
        y: Array = np.argmin(xs[0], axis=1 + self.axis).astype(np.int32)
        return y
