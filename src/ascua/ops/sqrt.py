"""SQRT: the square root."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ir import Array
from ascua.ops._real import RealUnary


@dataclass(frozen=True, eq=False)
class Sqrt(RealUnary):
    """y = the square root of x; NaN of a negative one."""

    tflite = "SQRT"
    max_version = 2

    def real(self, *xs: Array) -> Array:
        y: Array = np.sqrt(xs[0])
        return y
