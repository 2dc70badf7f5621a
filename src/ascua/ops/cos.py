"""COS: the cosine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ir import Array
from ascua.ops._real import RealUnary


@dataclass(frozen=True, eq=False)
class Cos(RealUnary):
    """y = cos(x), x in radians."""

    tflite = "COS"
    options = "CosOptions"

    def real(self, *xs: Array) -> Array:
        y: Array = np.cos(xs[0].astype(np.float64))
        return y
