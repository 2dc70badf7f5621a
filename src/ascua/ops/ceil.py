"""CEIL: the whole number at or above."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ir import Array
from ascua.ops._real import RealUnary


@dataclass(frozen=True, eq=False)
class Ceil(RealUnary):
    """y = the least whole number that is not below x."""

    tflite = "CEIL"

    def real(self, *xs: Array) -> Array:
        y: Array = np.ceil(xs[0])
        return y
