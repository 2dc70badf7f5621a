"""SIN: the sine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ir import Array
from ascua.ops._real import RealUnary


@dataclass(frozen=True, eq=False)
class Sin(RealUnary):
    """y = sin(x), x in radians."""

    tflite = "SIN"

    def real(self, *xs: Array) -> Array:
        y: Array = np.sin(xs[0].astype(np.float64))
        return y
