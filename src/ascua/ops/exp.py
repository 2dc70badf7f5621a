"""EXP: the exponential."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ir import Array
from ascua.ops._real import RealUnary


@dataclass(frozen=True, eq=False)
class Exp(RealUnary):
    """y = exp(x)."""

    tflite = "EXP"
    options = "ExpOptions"
    max_version = 2

    def real(self, *xs: Array) -> Array:
        y: Array = np.exp(xs[0].astype(np.float64))
        return y
