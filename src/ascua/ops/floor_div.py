"""FLOOR_DIV: the quotient, rounded down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ir import Array
from ascua.ops._real import RealPair


@dataclass(frozen=True, eq=False)
class FloorDiv(RealPair):
    """y = floor(a / b); TFLM stops at a divisor of 0."""

    tflite = "FLOOR_DIV"
    options = "FloorDivOptions"
    max_version = 3

    def real(self, *xs: Array) -> Array:
        a, b = self.pair(xs)
        y: Array = np.floor(a / b)
        return y
