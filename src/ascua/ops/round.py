"""ROUND: the nearest whole number, the even one of two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ir import Array
from ascua.ops._real import RealUnary


@dataclass(frozen=True, eq=False)
class Round(RealUnary):
    """y = the nearest whole number; of two, the even one."""

    tflite = "ROUND"

    def real(self, *xs: Array) -> Array:
        y: Array = np.rint(xs[0])
        return y
