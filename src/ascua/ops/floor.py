"""FLOOR: the whole number at or below."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ir import Array
from ascua.ops._real import RealUnary


@dataclass(frozen=True, eq=False)
class Floor(RealUnary):
    """y = the greatest whole number that is not above x."""

    tflite = "FLOOR"

    def real(self, *xs: Array) -> Array:
        y: Array = np.floor(xs[0])
        return y
