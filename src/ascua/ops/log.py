"""LOG: the natural logarithm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ir import Array
from ascua.ops._real import RealUnary


@dataclass(frozen=True, eq=False)
class Log(RealUnary):
    """y = log(x); -infinity of 0, NaN of a negative one."""

    tflite = "LOG"
    max_version = 2

    def real(self, *xs: Array) -> Array:
        y: Array = np.log(xs[0].astype(np.float64))
        return y
