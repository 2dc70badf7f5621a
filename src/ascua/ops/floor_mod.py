"""FLOOR_MOD: what a division leaves, of the sign of the divisor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ir import Array
from ascua.ops._real import RealPair


@dataclass(frozen=True, eq=False)
class FloorMod(RealPair):
    """y = a - b * floor(a / b); TFLM stops at a divisor of 0."""

    tflite = "FLOOR_MOD"
    options = "FloorModOptions"
    max_version = 2

    def real(self, *xs: Array) -> Array:
        a, b = self.pair(xs)
        rest = np.fmod(a, b)
        y: Array = rest + np.where((rest != 0) & ((b < 0) != (rest < 0)), b, 0)
        return y
