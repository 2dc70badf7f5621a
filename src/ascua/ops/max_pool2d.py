"""MAX_POOL_2D: the greatest value of each window."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np

from ascua.ir import Array, limits
from ascua.ops import _activation
from ascua.ops._pooling import Pool2D


@dataclass(frozen=True, eq=False)
class MaxPool2D(Pool2D):
    """y[oy, ox, c] = activation(max x[oy * sy + ky - py, ox * sx + kx - px, c])."""

    tflite = "MAX_POOL_2D"
    floats = True
    max_version = 3
    one_scale = True

    def eval(self, *xs: Array) -> Array:
        least, _ = limits(self.x.dtype)
        return self.clamp(reduce(np.maximum, self.taps(xs[0], least)), len(xs[0]))

    def eval_float(self, *xs: Array) -> Array:
        y = reduce(np.maximum, self.taps(xs[0], -np.inf))
        return _activation.clamped(y, self.activation).reshape(len(xs[0]), *self.y.shape)
