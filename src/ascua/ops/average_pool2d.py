"""AVERAGE_POOL_2D: the mean of each window, padding left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ir import Array
from ascua.ops import activation
from ascua.ops.pooling import Pool2D, PoolKernel


class AveragePool2DS8(PoolKernel):
    """Four channels at a time."""

    name = "average_pool2d_s8"


@dataclass(frozen=True, eq=False)
class AveragePool2D(Pool2D):
    """y[oy, ox, c] = activation(round(mean x[...])), half away from zero, over the image only."""

    tflite = "AVERAGE_POOL_2D"
    max_version = 3
    kernels = (AveragePool2DS8(),)
    one_scale = True

    def eval(self, *xs: Array) -> Array:
        total = sum(self.taps(xs[0], 0))
        count = sum(self.taps(np.ones(self.x.shape, np.int8), 0))
        # Half away from zero, of the quantised values: zero points take no part.
        magnitude = (np.abs(total) + count // 2) // count
        return self.clamp(np.sign(total) * magnitude, len(xs[0]))

    def eval_float(self, *xs: Array) -> Array:
        total = sum(self.taps(xs[0], 0), np.float32(0))
        count = sum(self.taps(np.ones(self.x.shape, np.float32), 0), np.float32(0))
        y = activation.clamped(np.asarray(total / count), self.activation)
        return y.reshape(len(xs[0]), *self.y.shape)
