"""AVERAGE_POOL_2D: the mean of each window, padding left out."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from ascua.ir import Array
from ascua.ops import _activation, _conditions
from ascua.ops._pooling import Pool2D

MOST_VALUES = {"int8": 2**22, "int16": 2**15}
"""Of a window: then their sum is far from overflowing."""


@dataclass(frozen=True, eq=False)
class AveragePool2D(Pool2D):
    """y[oy, ox, c] = activation(round(mean x[...])), half away from zero, over the image only."""

    tflite = "AVERAGE_POOL_2D"
    floats = True
    max_version = 3
    one_scale = True

    def check(self) -> str | None:
        if reason := _conditions.arity(self, 1):
            return reason
        most = MOST_VALUES.get(self.x.dtype, 0)
        if prod(self.window) > most > 0:
            return f"its windows {list(self.window)} have more than {most:,} values"
        return super().check()

    def eval(self, *xs: Array) -> Array:
        total = sum(self.taps(xs[0], 0))
        count = sum(self.taps(np.ones(self.x.shape, np.int8), 0))
        if self.uint8:  # half up
            return self.clamp(np.floor_divide(total + count // 2, count), len(xs[0]))
        # Half away from zero, of the quantised values: zero points take no part.
        magnitude = (np.abs(total) + count // 2) // count
        return self.clamp(np.sign(total) * magnitude, len(xs[0]))

    def eval_float(self, *xs: Array) -> Array:
        total = sum(self.taps(xs[0], 0), np.float32(0))
        one = np.ones((1, *self.x.shape[1:]), np.float32)
        count = sum(self.taps(one, 0), np.float32(0))
        y = _activation.clamped(np.asarray(total / count), self.activation)
        return y.reshape(len(xs[0]), *self.y.shape)
